// SPDX-License-Identifier: Apache-2.0
#include "tls/spiffe_id.hpp"

#include <algorithm>

#include "model/tls.hpp"

namespace meshd::tls {

namespace {

constexpr std::string_view scheme = "spiffe://";

bool is_path_letter(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
           letter == '.' || letter == '-' || letter == '_';
}

// What is wrong with one part between slashes; empty: nothing.
std::string_view fault_of(std::string_view segment) {
    if (segment.empty()) return "its path has an empty part";
    if (segment == "." || segment == "..") return "its path has a part . or ..";
    if (!std::all_of(segment.begin(), segment.end(), is_path_letter))
        return "its path has other characters than letters, digits, '.', '-' and '_'";
    return {};
}

}  // namespace

tl::expected<SpiffeId, std::string> SpiffeId::parse(std::string_view text) {
    if (text.size() > max_spiffe_id_bytes) return tl::make_unexpected("it is longer than 2048 bytes");
    if (!text.starts_with(scheme)) return tl::make_unexpected("it does not begin with spiffe://");
    text.remove_prefix(scheme.size());
    const auto slash = std::min(text.find('/'), text.size());
    SpiffeId id{std::string(text.substr(0, slash)), std::string(text.substr(slash))};
    if (!model::is_trust_domain(id.trust_domain))
        return tl::make_unexpected("its trust domain is not of lower case letters, digits, '.', '-' and '_'");
    for (std::string_view rest = id.path; !rest.empty();) {
        rest.remove_prefix(1);
        const auto end = std::min(rest.find('/'), rest.size());
        if (const auto fault = fault_of(rest.substr(0, end)); !fault.empty()) return tl::make_unexpected(std::string(fault));
        rest.remove_prefix(end);
    }
    return id;
}

std::string SpiffeId::text() const { return std::string(scheme) + trust_domain + path; }

}  // namespace meshd::tls
