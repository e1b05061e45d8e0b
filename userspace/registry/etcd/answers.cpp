// SPDX-License-Identifier: Apache-2.0
#include "registry/etcd/answers.hpp"

#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/base64.hpp"

namespace meshd::registry::etcd {

namespace json = boost::json;

namespace {

constexpr int grpc_permission_denied = 7;
constexpr int grpc_resource_exhausted = 8;
constexpr int grpc_unauthenticated = 16;

tl::unexpected<base::Error> refuse(std::string why) { return base::fail({"read", "the answer", 0, std::move(why), {}}); }

// Reads members of an object; what is not there is zero. Remembers the first that is not as it should be.
class Members {
public:
    explicit Members(const json::object& object, std::string* wrong) : object_(object), wrong_(wrong) {}

    [[nodiscard]] std::int64_t number(std::string_view name) const {
        const auto* const value = object_.if_contains(name);
        if (value == nullptr) return 0;
        if (const auto* const plain = value->if_int64()) return *plain;
        std::int64_t number = 0;
        if (const auto* const text = value->if_string()) {
            const auto* const end = text->data() + text->size();
            const auto [stop, error] = std::from_chars(text->data(), end, number);
            if (error == std::errc{} && stop == end) return number;
        }
        return complain(name, "is no number"), 0;
    }

    [[nodiscard]] bool flag(std::string_view name) const {
        const auto* const value = object_.if_contains(name);
        if (value == nullptr) return false;
        if (const auto* const flag = value->if_bool()) return *flag;
        return complain(name, "is neither true nor false"), false;
    }

    [[nodiscard]] std::string text(std::string_view name) const {
        const auto* const value = object_.if_contains(name);
        if (value == nullptr) return {};
        if (const auto* const text = value->if_string()) return {text->data(), text->size()};
        return complain(name, "is no text"), std::string{};
    }

    [[nodiscard]] std::string bytes(std::string_view name) const {
        auto bytes = base::from_base64(text(name));
        if (bytes) return std::move(*bytes);
        return complain(name, "is not base64"), std::string{};
    }

    [[nodiscard]] Members object(std::string_view name) const {
        static const json::object none;
        const auto* const value = object_.if_contains(name);
        if (value == nullptr) return Members(none, wrong_);
        if (const auto* const object = value->if_object()) return Members(*object, wrong_);
        return complain(name, "is no object"), Members(none, wrong_);
    }

    template <typename Take>
    void for_each(std::string_view name, Take take) const {
        const auto* const value = object_.if_contains(name);
        if (value == nullptr) return;
        const auto* const list = value->if_array();
        if (list == nullptr) return complain(name, "is no list");
        for (const auto& item : *list) {
            const auto* const object = item.if_object();
            if (object == nullptr) return complain(name, "has something other than objects");
            take(Members(*object, wrong_));
        }
    }

    void complain(std::string_view name, std::string_view why) const {
        if (wrong_->empty()) *wrong_ = fmt::format("\"{}\" {}", name, why);
    }

private:
    const json::object& object_;
    std::string* wrong_;
};

KeyValue read_item(const Members& item) {
    KeyValue read{item.bytes("key"), item.bytes("value"), item.number("mod_revision")};
    if (read.key.empty()) item.complain("key", "is missing");
    return read;
}

std::int64_t read_revision(const Members& answer) {
    const auto revision = answer.object("header").number("revision");
    if (revision <= 0) answer.complain("revision", "is missing in its header");
    return revision;
}

base::Result<json::value> parse(std::string_view text) {
    boost::system::error_code ec;
    auto value = json::parse(text, ec);
    if (ec) return refuse("it is not JSON: " + ec.message());
    if (!value.is_object()) return refuse("it is no JSON object");
    return value;
}

// What a cancellation says may come by gRPC's own way of wrapping: "rpc error: code = PermissionDenied desc = etcdserver: …".
bool says(std::string_view message, std::string_view what) { return message.find(what) != std::string_view::npos; }

}  // namespace

Complaint::Kind Complaint::kind() const {
    if (code == grpc_unauthenticated || says(message, "invalid auth token") || says(message, "user name is empty") ||
        says(message, "revision of auth store is old"))
        return Kind::token;
    if (says(message, "authentication is not enabled")) return Kind::no_users;
    if (code == grpc_permission_denied || says(message, "permission denied") || says(message, "authentication failed"))
        return Kind::denied;
    if (says(message, "required revision has been compacted")) return Kind::compacted;
    if (code == grpc_resource_exhausted) return Kind::too_large;
    return Kind::other;
}

base::Result<Range> parse_range(std::string_view text) {
    const auto value = parse(text);
    if (!value) return base::fail(value.error());
    std::string wrong;
    const Members answer(value->get_object(), &wrong);
    Range range{.revision = read_revision(answer), .count = answer.number("count"), .more = answer.flag("more"), .items = {}};
    answer.for_each("kvs", [&](const Members& item) { range.items.push_back(read_item(item)); });
    if (range.more && range.items.empty()) answer.complain("kvs", "is empty though there is more");
    if (!wrong.empty()) return refuse(wrong);
    return range;
}

base::Result<std::string> parse_token(std::string_view text) {
    const auto value = parse(text);
    if (!value) return base::fail(value.error());
    std::string wrong;
    const Members answer(value->get_object(), &wrong);
    auto token = answer.text("token");
    if (token.empty()) answer.complain("token", "is missing");
    // It becomes a line of a header.
    if (token.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) answer.complain("token", "is more than a line");
    if (!wrong.empty()) return refuse(wrong);
    return token;
}

base::Result<Watched> parse_watched(const json::object& object) {
    std::string wrong;
    const Members top(object, &wrong);
    Watched watched;
    if (object.contains("error")) {
        const auto error = top.object("error");
        const auto code = error.number("grpc_code");
        watched.canceled = true;
        watched.complaint = {static_cast<int>(code != 0 ? code : error.number("code")), error.text("message")};
    } else {
        if (!object.contains("result")) top.complain("result", "is missing");
        const auto result = top.object("result");
        watched.created = result.flag("created");
        watched.canceled = result.flag("canceled");
        watched.compact_revision = result.number("compact_revision");
        watched.complaint.message = result.text("cancel_reason");
        // A cancellation for a compacted revision has none.
        watched.revision = watched.canceled ? result.object("header").number("revision") : read_revision(result);
        result.for_each("events", [&](const Members& event) {
            const auto type = event.text("type");
            if (!type.empty() && type != "PUT" && type != "DELETE") event.complain("type", "is neither PUT nor DELETE");
            watched.events.push_back({type == "DELETE", read_item(event.object("kv"))});
        });
    }
    if (!wrong.empty()) return refuse(wrong);
    return watched;
}

Complaint parse_complaint(long status, std::string_view text) {
    if (const auto value = parse(text)) {
        std::string wrong;
        const Members answer(value->get_object(), &wrong);
        Complaint complaint{static_cast<int>(answer.number("code")), answer.text("message")};
        if (wrong.empty() && !complaint.message.empty()) return complaint;
    }
    const int code = status == 401 ? grpc_unauthenticated : status == 403 ? grpc_permission_denied : 0;
    return {code, fmt::format("it answers with status {}", status)};
}

}  // namespace meshd::registry::etcd
