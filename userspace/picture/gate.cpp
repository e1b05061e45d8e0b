// SPDX-License-Identifier: Apache-2.0
#include "picture/gate.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "config/text_file.hpp"

namespace meshd::picture {

namespace {

std::string lower_case(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

// Without the port, and without the brackets of an IPv6 address.
std::string_view name_in(std::string_view host) {
    if (host.starts_with('[')) {
        const auto end = host.find(']');
        return end == std::string_view::npos ? std::string_view{} : host.substr(1, end - 1);
    }
    return host.substr(0, host.find(':'));
}

bool are_same(std::string_view one, std::string_view other) {
    unsigned difference = one.size() == other.size() ? 0 : 1;
    for (std::size_t i = 0; i < one.size(); ++i)
        difference |=
            static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i % std::max<std::size_t>(other.size(), 1)]);
    return difference == 0;
}

}  // namespace

bool is_own_host(std::string_view host, const model::PictureSettings& settings) {
    const auto name = lower_case(name_in(host));
    if (name == "localhost" || base::IpAddress::parse(name)) return true;
    return std::find(settings.hosts.begin(), settings.hosts.end(), name) != settings.hosts.end();
}

base::Result<std::optional<std::string>> token_of(const model::PictureSettings& settings) {
    const auto& file = settings.token_file;
    if (file.empty()) return std::nullopt;
    auto token = config::read_secret_file(file);
    if (!token) return base::fail(std::move(token.error()));
    const bool is_one = std::all_of(token->begin(), token->end(), [](unsigned char c) { return std::isgraph(c) != 0; });
    if (token->size() >= least_token && is_one) return std::optional(std::move(*token));
    return base::fail({"read", file, 0, fmt::format("it does not hold one token of at least {} characters", least_token),
                       "write a random one into it: `openssl rand -hex 32`"});
}

bool brings(const http::Request& request, std::string_view token) {
    constexpr std::string_view scheme = "bearer ";
    const auto found = request.headers.find("authorization");
    if (found == request.headers.end() || lower_case(std::string_view(found->second).substr(0, scheme.size())) != scheme)
        return false;
    return are_same(std::string_view(found->second).substr(scheme.size()), token);
}

bool is_of_other_site(const http::Request& request) {
    const auto site = request.headers.find("sec-fetch-site");
    return site != request.headers.end() && site->second != "same-origin" && site->second != "none";
}

}  // namespace meshd::picture
