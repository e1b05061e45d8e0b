// SPDX-License-Identifier: Apache-2.0
#include "store/consul_transaction.hpp"

#include <algorithm>
#include <cstdint>

#include <boost/json.hpp>

#include "base/base64.hpp"

namespace meshd::store {

namespace json = boost::json;

namespace {

constexpr std::size_t most_operations = 64;                 // of a transaction: maxTxnOps of Consul
constexpr std::size_t most_bytes = std::size_t{300} << 10;  // of values: a request has 512 KiB at most, in base64

std::string text_at(const json::object& object, std::string_view name) {
    const auto* const value = object.if_contains(name);
    const auto* const text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? std::string{} : std::string(text->data(), text->size());
}

tl::unexpected<base::Error> bad(std::string why) { return base::fail({"read", "the answer", 0, std::move(why), {}}); }

}  // namespace

base::Result<std::vector<ConsulKey>> parse_consul_keys(std::string_view text) {
    boost::system::error_code error;
    const auto value = json::parse({text.data(), text.size()}, error);
    const auto* const list = error ? nullptr : value.if_array();
    if (list == nullptr) return bad("it is no list of keys");
    std::vector<ConsulKey> keys;
    for (const auto& item : *list) {
        const auto* const object = item.if_object();
        const auto* const index = object == nullptr ? nullptr : object->if_contains("ModifyIndex");
        if (index == nullptr || !index->is_number()) return bad("a key in it has no index");
        auto key = text_at(*object, "Key");
        auto content = base::from_base64(text_at(*object, "Value"));
        if (key.empty() || !content) return bad("a key in it has no name, or a value that is not base64");
        const auto number = index->to_number<std::uint64_t>(error);
        if (error || number == 0) return bad("a key in it has no index");
        if (!key.ends_with('/')) keys.push_back({std::move(key), std::move(*content), std::to_string(number)});
    }
    return keys;
}

std::span<const Change> consul_batch(std::span<const Change> changes) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < std::min(changes.size(), most_operations)) {
        bytes += changes[count].text.value_or("").size();
        if (count > 0 && bytes > most_bytes) break;
        ++count;
    }
    return changes.first(count);
}

std::string consul_transaction(std::string_view prefix, std::span<const Change> changes) {
    json::array operations;
    for (const auto& change : changes) {
        json::object operation{{"Verb", change.text ? "cas" : "delete-cas"},
                               {"Key", std::string(prefix) + change.object.key()},
                               {"Index", change.version.empty() ? 0 : std::stoull(change.version)}};
        if (change.text) operation["Value"] = base::to_base64(*change.text);
        operations.push_back(json::object{{"KV", std::move(operation)}});
    }
    return json::serialize(operations);
}

std::string consul_complaint(std::string_view text) {
    boost::system::error_code error;
    const auto value = json::parse({text.data(), text.size()}, error);
    const auto* const answer = error ? nullptr : value.if_object();
    const auto* const errors = answer == nullptr ? nullptr : answer->if_contains("Errors");
    if (errors == nullptr || !errors->is_array()) return "it is not as Consul writes one";
    for (const auto& item : errors->get_array()) {
        auto what = item.is_object() ? text_at(item.get_object(), "What") : std::string{};
        if (what.find("index is stale") == std::string::npos) return what.empty() ? "it does not say why" : what;
    }
    return {};
}

}  // namespace meshd::store
