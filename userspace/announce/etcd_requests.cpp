// SPDX-License-Identifier: Apache-2.0
#include "announce/etcd_requests.hpp"

#include <charconv>
#include <cstdint>

#include <boost/json.hpp>

#include "base/base64.hpp"

namespace meshd::announce {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

// 64-bit numbers are texts there, and zero is left out.
std::int64_t number_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr) return 0;
    if (const auto* const plain = value->if_int64()) return *plain;
    std::int64_t number = 0;
    if (const auto* const text = value->if_string()) {
        const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), number);
        if (error != std::errc{} || stop != text->data() + text->size()) return 0;
    }
    return number;
}

base::Result<json::object> parse(std::string_view text) {
    boost::system::error_code ec;
    auto value = json::parse({text.data(), text.size()}, ec);
    if (!ec && value.is_object()) return std::move(value.get_object());
    return base::fail({"read", "the answer", 0, "it is no JSON object", {}});
}

}  // namespace

std::string etcd_key(std::string_view prefix, const model::Announcement& what) {
    return std::string(prefix) + "announced/" + what.name + '/' + what.endpoint.text();
}

std::string etcd_value(const Wanted& wanted) {
    const auto& what = wanted.what;
    json::object value{{"address", what.endpoint.address.text()},
                       {"port", what.endpoint.port},
                       {"weight", what.weight},
                       {"state", wanted.is_drained ? "drain" : "ready"}};
    if (!wanted.locality.empty()) value["locality"] = wanted.locality;
    if (!what.labels.empty()) {
        auto& labels = value["labels"].emplace_object();
        for (const auto& [name, text] : what.labels) labels.emplace(name, text);
    }
    return json::serialize(value);
}

std::string grant_request(std::chrono::milliseconds ttl) {
    return json::serialize(json::object{{"TTL", std::to_string(std::chrono::ceil<std::chrono::seconds>(ttl).count())}});
}

std::string lease_request(std::string_view lease) { return json::serialize(json::object{{"ID", lease}}); }

std::string put_request(std::string_view key, std::string_view value, std::string_view lease) {
    return json::serialize(json::object{{"key", base::to_base64(key)}, {"value", base::to_base64(value)}, {"lease", lease}});
}

std::string read_request(std::string_view key) { return json::serialize(json::object{{"key", base::to_base64(key)}}); }

std::string delete_request(std::string_view key) { return read_request(key); }

base::Result<std::string> parse_lease(std::string_view answer) {
    const auto object = parse(answer);
    if (!object) return tl::make_unexpected(object.error());
    const auto id = number_at(*object, "ID");
    if (id == 0) return base::fail({"read", "the answer", 0, "it grants no lease", {}});
    return std::to_string(id);
}

// The answer to the only question of a stream.
base::Result<bool> parse_alive(std::string_view answer) {
    const auto object = parse(answer);
    if (!object) return tl::make_unexpected(object.error());
    const auto* const result = object->if_contains("result");
    if (result == nullptr || !result->is_object()) return base::fail({"read", "the answer", 0, "it says nothing of a lease", {}});
    return number_at(result->get_object(), "TTL") > 0;
}

bool is_no_lease(std::string_view complaint) { return complaint.find("lease not found") != std::string_view::npos; }

}  // namespace meshd::announce
