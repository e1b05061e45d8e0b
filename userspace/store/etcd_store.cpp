// SPDX-License-Identifier: Apache-2.0
#include "store/etcd_store.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "config/text_file.hpp"
#include "registry/etcd/requests.hpp"
#include "store/etcd_transaction.hpp"

namespace meshd::store {

using registry::etcd::Complaint;
using registry::etcd::KeyValue;

namespace {

constexpr std::chrono::seconds patience{10};
constexpr int page = 512;  // keys
constexpr std::string_view transaction = "/v3/kv/txn";

}  // namespace

EtcdStore::EtcdStore(model::EtcdRegistry settings, Ask ask) : settings_(std::move(settings)), ask_(std::move(ask)) {}

std::string EtcdStore::where(const Object& object) const { return where_of(settings_.prefix + object.key()); }

std::string EtcdStore::where_of(std::string key) const {
    if (key.starts_with('/')) key.erase(0, 1);
    return "etcd:" + settings_.name + "/" + key;
}

// ---- Asking ----

// The first endpoint that answers. A transaction that was asked for twice is made once: the second finds other versions.
base::Result<web::AsyncResponse> EtcdStore::send(const std::string& path, const std::string& body) {
    base::Error first;
    for (std::size_t tried = 0; tried < settings_.endpoints.size(); ++tried) {
        const auto& endpoint = settings_.endpoints[endpoint_];
        web::AsyncRequest request;
        request.method = "POST";
        request.url = endpoint + path;
        request.headers["Content-Type"] = "application/json";
        if (!token_.empty()) request.headers["Authorization"] = token_;
        request.body = body;
        const auto& access = settings_.access;
        if (endpoint.starts_with("https:")) request.tls = {access.ca, access.certificate, access.key, access.server_name};
        request.timeout = patience;
        auto answer = ask_(std::move(request));
        if (answer) return std::move(*answer);
        if (tried == 0) first = std::move(answer.error().error);
        endpoint_ = (endpoint_ + 1) % settings_.endpoints.size();
    }
    if (first.remedy.empty())
        first.remedy = fmt::format("see that etcd runs and that \"endpoints\" of registry {} lead to it", settings_.name);
    return base::fail(std::move(first));
}

base::Result<std::string> EtcdStore::call(const std::string& path, const std::string& body) {
    for (bool is_again = false;; is_again = true) {
        if (!settings_.user.empty() && token_.empty() && !no_users_)
            if (auto known = log_in(); !known) return base::fail(std::move(known.error()));
        auto answer = send(path, body);
        if (!answer) return base::fail(std::move(answer.error()));
        if (answer->status == 200) return std::move(answer->body);
        const auto complaint = registry::etcd::parse_complaint(answer->status, answer->body);
        // A token may have run out; one that was asked for in vain is not asked for again.
        if (is_again || complaint.kind() != Complaint::Kind::token || settings_.user.empty())
            return base::fail(refusal(path, complaint));
        token_.clear();
    }
}

base::Result<void> EtcdStore::log_in() {
    const auto password = config::read_secret_file(settings_.password_file);
    if (!password) return base::fail(password.error());
    const std::string path = "/v3/auth/authenticate";
    const auto answer = send(path, registry::etcd::authenticate_request(settings_.user, *password));
    if (!answer) return base::fail(answer.error());
    if (answer->status != 200) {
        const auto complaint = registry::etcd::parse_complaint(answer->status, answer->body);
        no_users_ = complaint.kind() == Complaint::Kind::no_users;
        if (no_users_) return {};
        return base::fail(refusal(path, complaint));
    }
    auto token = registry::etcd::parse_token(answer->body);
    if (!token) return base::fail(std::move(token.error()));
    token_ = std::move(*token);
    return {};
}

base::Error EtcdStore::refusal(const std::string& path, const Complaint& complaint) const {
    const bool is_write = path == transaction;
    base::Error error{is_write ? "write to" : "read", settings_.endpoints[endpoint_], 0, complaint.message, {}};
    const auto who = settings_.user.empty() ? "a user" : "user " + settings_.user;
    switch (complaint.kind()) {
        case Complaint::Kind::token:
        case Complaint::Kind::denied:
            error.remedy = path.ends_with("authenticate")
                               ? fmt::format("correct the password of {} (--password-file)", who)
                               : fmt::format(
                                     "name a user who may {} the keys below {} by --user and --password-file; "
                                     "docs/etcd.md tells how to make one",
                                     is_write ? "write" : "read", settings_.prefix);
            break;
        default:
            break;
    }
    if (complaint.message.find("too many operations") != std::string::npos)
        error.remedy = fmt::format("let etcd take {} with --max-txn-ops", etcd_operations);
    return error;
}

// ---- What is there ----

base::Result<void> EtcdStore::read_keys(std::vector<KeyValue>& keys) {
    revision_ = 0;
    int limit = page;
    for (auto first = settings_.prefix;;) {
        auto body = call("/v3/kv/range", registry::etcd::range_request(settings_.prefix, first, revision_, limit));
        if (!body) return base::fail(std::move(body.error()));
        auto range = registry::etcd::parse_range(*body);
        if (!range) return base::fail(std::move(range.error()));
        if (revision_ == 0) revision_ = range->revision;
        for (auto& item : range->items) keys.push_back(std::move(item));
        if (!range->more) return {};
        first = keys.back().key + '\0';
    }
}

base::Result<std::vector<Item>> EtcdStore::list() {
    std::vector<KeyValue> keys;
    if (auto read = read_keys(keys); !read) return base::fail(std::move(read.error()));
    std::vector<Item> items;
    for (auto& one : keys) {
        const auto key = std::string_view(one.key).substr(settings_.prefix.size());
        if (key.starts_with(announced_folder)) continue;
        items.push_back({object_of_key(key), where_of(one.key), std::move(one.value), std::to_string(one.mod_revision), {}});
    }
    return items;
}

// ---- Writing ----

base::Result<Written> EtcdStore::write(const std::vector<Change>& changes) {
    for (std::span<const Change> rest(changes); !rest.empty();) {
        const auto batch = rest.first(std::min(rest.size(), etcd_batch));
        const auto body = call(std::string(transaction), transaction_request(settings_.prefix, batch, revision_));
        if (!body) return base::fail(body.error());
        const auto answer = parse_transaction(*body);
        if (!answer) return base::fail(answer.error());
        if (!answer->succeeded) return Written::overtaken;
        revision_ = answer->revision;
        rest = rest.subspan(batch.size());
    }
    return Written::done;
}

}  // namespace meshd::store
