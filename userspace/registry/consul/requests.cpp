// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/requests.hpp"

#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "config/text_file.hpp"
#include "http/message.hpp"

namespace meshd::registry::consul {

namespace {

constexpr std::size_t max_told = 200;  // bytes of a refusal that are shown

std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : text.substr(0, max_told)) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    while (line.ends_with(' ')) line.pop_back();
    return line;
}

bool says(std::string_view body, std::string_view what) { return body.find(what) != std::string_view::npos; }

std::string token_remedy(const model::ConsulRegistry& registry) {
    const auto& file = registry.access.token_file;
    if (file.empty()) return "name a file with a token in \"token_file\" of its settings";
    return "give the token in " + file + " a policy that allows this (docs/consul.md)";
}

}  // namespace

std::string escaped_path(std::string_view path) {
    std::string result;
    for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
        result += http::percent_encode(path.substr(0, slash)) + '/';
        path.remove_prefix(slash + 1);
    }
    return result + http::percent_encode(path);
}

std::string url_of(const model::ConsulRegistry& registry, const std::string& path, const std::string& datacenter,
                   std::uint64_t index, std::chrono::milliseconds wait) {
    std::string query;
    const auto& where = datacenter.empty() ? registry.datacenter : datacenter;
    if (!where.empty()) query += "&dc=" + http::percent_encode(where);
    if (!registry.partition_ns.empty()) query += "&ns=" + http::percent_encode(registry.partition_ns);
    if (registry.reads == model::ConsulReads::stale) query += "&stale";
    if (registry.reads == model::ConsulReads::consistent) query += "&consistent";
    if (index != 0) query += fmt::format("&index={}&wait={}ms", index, wait.count());
    if (!query.empty() && !says(path, "?")) query.front() = '?';
    return registry.url + path + query;
}

std::uint64_t index_of(const std::map<std::string, std::string>& headers) {
    const auto found = headers.find("x-consul-index");
    if (found == headers.end()) return 0;
    const auto& text = found->second;
    std::uint64_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    return error == std::errc{} && end == text.data() + text.size() ? index : 0;
}

bool hides_all(const std::map<std::string, std::string>& headers, std::string_view body) {
    const auto found = headers.find("x-consul-results-filtered-by-acls");
    if (found == headers.end() || found->second != "true") return false;
    return body.find_first_not_of(" \r\n[]{}") == std::string_view::npos;
}

base::Error hidden(const model::ConsulRegistry& registry, const std::string& path) {
    return {"ask", registry.url + path, 0, "Consul hides all of it from us", token_remedy(registry)};
}

base::Result<std::string> read_token(const std::string& file) {
    if (file.empty()) return std::string{};
    constexpr std::string_view remedy =
        "\"token_file\" in its settings must name a file that holds a token and that the worker's user can read";
    auto read = config::read_secret_file(file);
    if (!read) {
        read.error().remedy = remedy;
        return read;
    }
    auto& token = *read;
    // Consul would answer a query without a token with an empty list, as if all were gone.
    if (token.empty()) return base::fail({"read", file, 0, "it holds no token", std::string(remedy)});
    for (const char c : token)
        if (std::isgraph(static_cast<unsigned char>(c)) == 0)
            return base::fail({"read", file, 0, "it holds other characters than those of one token", std::string(remedy)});
    return read;
}

Refusal refusal(const model::ConsulRegistry& registry, const std::string& path, long status, std::string_view body) {
    Refusal result;
    auto& error = result.error;
    error = {"ask", registry.url + path, 0, fmt::format("status {}: {}", status, one_line(body)), {}};
    if (status == 401 || status == 403) {
        result.kind = Failure::denied;
        // Another query may be allowed, unless it is the token itself that Consul does not know.
        result.of_server = says(body, "ACL not found");
        const auto& file = registry.access.token_file;
        error.remedy = result.of_server && !file.empty() ? "put a valid token into " + file : token_remedy(registry);
    } else if (status == 400 || status == 404) {
        result.kind = Failure::malformed;
        error.remedy = "\"url\" in its settings must lead to the HTTP API of Consul";
    } else if (status == 429) {
        result.of_server = true;
        error.remedy = "raise limits.http_max_conns_per_client in Consul, or use its https port";
    } else {
        result.of_server = !says(body, "No path to datacenter");
    }
    return result;
}

}  // namespace meshd::registry::consul
