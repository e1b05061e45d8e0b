// SPDX-License-Identifier: Apache-2.0
#include "store/consul_store.hpp"

#include <span>

#include <fmt/format.h>

#include "registry/consul/requests.hpp"
#include "store/consul_transaction.hpp"

namespace meshd::store {

namespace consul = registry::consul;

namespace {

constexpr std::chrono::seconds patience{10};
const std::string transaction = "/v1/txn";

}  // namespace

base::Result<web::AsyncResponse> ConsulStore::send(const std::string& method, const std::string& path, std::string body) {
    const auto token = consul::read_token(settings_.access.token_file);
    if (!token) return base::fail(token.error());
    auto registry = settings_;
    // An answer of a server that lags behind would be compared in vain.
    registry.reads = method == "GET" ? model::ConsulReads::consistent : model::ConsulReads::standard;
    web::AsyncRequest request;
    request.method = method;
    request.url = consul::url_of(registry, path, {}, 0, {});
    if (!token->empty()) request.headers["X-Consul-Token"] = *token;
    request.body = std::move(body);
    const auto& access = settings_.access;
    if (settings_.url.starts_with("https:")) request.tls = {access.ca, access.certificate, access.key, access.server_name};
    request.timeout = patience;
    auto answer = ask_(std::move(request));
    if (answer) return std::move(*answer);
    auto& error = answer.error().error;
    if (error.remedy.empty())
        error.remedy = fmt::format("see that Consul runs and that \"url\" of registry {} leads to it", settings_.name);
    return base::fail(std::move(error));
}

base::Error ConsulStore::refusal(const std::string& path, long status, const std::string& body) const {
    auto error = consul::refusal(settings_, path, status, body).error;
    if (status == 401 || status == 403)
        error.remedy = fmt::format(
            "name a file by --token-file with a token that may {} the keys below {}; docs/consul.md tells "
            "which policy that takes",
            path == transaction ? "write" : "read", settings_.keys);
    return error;
}

base::Result<std::vector<Item>> ConsulStore::list() {
    const auto path = "/v1/kv/" + consul::escaped_path(settings_.keys) + "?recurse";
    const auto answer = send("GET", path, {});
    if (!answer) return base::fail(answer.error());
    if (consul::hides_all(answer->headers, answer->body)) return base::fail(refusal(path, 403, "Consul hides all of it"));
    if (answer->status == 404) return std::vector<Item>{};  // no key begins with it
    if (answer->status != 200) return base::fail(refusal(path, answer->status, answer->body));
    auto keys = parse_consul_keys(answer->body);
    if (!keys) return base::fail(std::move(keys.error()));
    std::vector<Item> items;
    for (auto& one : *keys) {
        const auto key = std::string_view(one.key).substr(settings_.keys.size());
        if (key.starts_with(announced_folder)) continue;
        items.push_back({object_of_key(key), where_of(one.key), std::move(one.value), std::move(one.index), {}});
    }
    return items;
}

base::Result<Written> ConsulStore::write(const std::vector<Change>& changes) {
    for (std::span<const Change> rest(changes); !rest.empty();) {
        const auto batch = consul_batch(rest);
        const auto answer = send("PUT", transaction, consul_transaction(settings_.keys, batch));
        if (!answer) return base::fail(answer.error());
        if (answer->status == 409) {
            const auto complaint = consul_complaint(answer->body);
            if (complaint.empty()) return Written::overtaken;
            const bool is_denied = complaint.find("ermission denied") != std::string::npos;
            return base::fail(refusal(transaction, is_denied ? 403 : 409, complaint));
        }
        if (answer->status != 200) return base::fail(refusal(transaction, answer->status, answer->body));
        rest = rest.subspan(batch.size());
    }
    return Written::done;
}

}  // namespace meshd::store
