// SPDX-License-Identifier: Apache-2.0
#include "registry/etcd/requests.hpp"

#include <boost/json.hpp>

#include "base/base64.hpp"

namespace meshd::registry::etcd {

namespace json = boost::json;

namespace {

// To etcd an empty key is no key: "\0" is the first there is.
std::string key_of(std::string_view key) { return base::to_base64(key.empty() ? std::string_view("\0", 1) : key); }

}  // namespace

std::string end_of(std::string_view prefix) {
    std::string end(prefix);
    while (!end.empty() && end.back() == '\xff') end.pop_back();
    if (end.empty()) return {'\0'};
    ++end.back();
    return end;
}

std::string range_request(std::string_view prefix, std::string_view first, std::int64_t revision, int limit) {
    json::object request{{"key", key_of(first)}, {"range_end", key_of(end_of(prefix))}, {"limit", std::to_string(limit)}};
    if (revision != 0) request["revision"] = std::to_string(revision);
    return json::serialize(request);
}

std::string count_request(std::string_view prefix) {
    return json::serialize(json::object{{"key", key_of(prefix)}, {"range_end", key_of(end_of(prefix))}, {"count_only", true}});
}

std::string watch_request(std::string_view prefix, std::int64_t first_revision) {
    const json::object create{{"key", key_of(prefix)},
                              {"range_end", key_of(end_of(prefix))},
                              {"start_revision", std::to_string(first_revision)},
                              {"progress_notify", true},
                              {"fragment", true}};
    return json::serialize(json::object{{"create_request", create}});
}

std::string authenticate_request(std::string_view user, std::string_view password) {
    return json::serialize(json::object{{"name", user}, {"password", password}});
}

}  // namespace meshd::registry::etcd
