// SPDX-License-Identifier: Apache-2.0
#include "store/etcd_transaction.hpp"

#include <charconv>

#include <boost/json.hpp>

#include "base/base64.hpp"
#include "registry/etcd/requests.hpp"

namespace meshd::store {

namespace json = boost::json;

namespace {

std::int64_t number_of(const json::value* value) {
    if (value == nullptr) return 0;
    if (const auto* const plain = value->if_int64()) return *plain;
    std::int64_t number = 0;
    if (const auto* const text = value->if_string()) std::from_chars(text->data(), text->data() + text->size(), number);
    return number;
}

}  // namespace

std::string transaction_request(std::string_view prefix, std::span<const Change> changes, std::int64_t revision) {
    json::array compare;
    json::array operations;
    for (const auto& change : changes) {
        const auto key = base::to_base64(std::string(prefix) + change.object.key());
        compare.push_back(json::object{{"target", "MOD"},
                                       {"result", "EQUAL"},
                                       {"key", key},
                                       {"mod_revision", change.version.empty() ? "0" : change.version}});
        if (change.text)
            operations.push_back(json::object{{"request_put", {{"key", key}, {"value", base::to_base64(*change.text)}}}});
        else
            operations.push_back(json::object{{"request_delete_range", {{"key", key}}}});
    }
    // Of a range all keys are compared: so nobody has meanwhile taken an address that these were checked for. What nodes announce
    // changes all the time and is not asked for.
    for (const auto& kind : kinds) {
        if (kind.folder.empty() || revision == 0) continue;
        const auto folder = std::string(prefix) + std::string(kind.folder);
        compare.push_back(json::object{{"target", "MOD"},
                                       {"result", "LESS"},
                                       {"key", base::to_base64(folder)},
                                       {"range_end", base::to_base64(registry::etcd::end_of(folder))},
                                       {"mod_revision", std::to_string(revision + 1)}});
    }
    return json::serialize(json::object{{"compare", std::move(compare)}, {"success", std::move(operations)}});
}

base::Result<TransactionAnswer> parse_transaction(std::string_view text) {
    boost::system::error_code error;
    const auto value = json::parse({text.data(), text.size()}, error);
    const auto* const answer = error ? nullptr : value.if_object();
    const auto* const header = answer == nullptr ? nullptr : answer->if_contains("header");
    if (header == nullptr || !header->is_object())
        return base::fail({"read", "the answer to a transaction", 0, "it is not as etcd writes one", {}});
    const auto* const succeeded = answer->if_contains("succeeded");
    return TransactionAnswer{succeeded != nullptr && succeeded->is_bool() && succeeded->get_bool(),
                             number_of(header->get_object().if_contains("revision"))};
}

}  // namespace meshd::store
