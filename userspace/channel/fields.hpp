// SPDX-License-Identifier: Apache-2.0
// Reading the members of a message, for messages.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

#include "channel/messages.hpp"

namespace meshd::channel {

namespace json = boost::json;

inline tl::unexpected<base::Error> invalid(std::string_view where, std::string_view expected) {
    return base::fail({"read message field", std::string(where), 0, "expected " + std::string(expected), {}});
}

// Reads fields of one message and remembers the first that is wrong, so that readers stay lists of fields.
class Fields {
public:
    Fields(const json::object& object, std::string where) : object_(object), where_(std::move(where)) {}

    std::uint64_t number(std::string_view key, std::uint64_t least = 0) {
        const auto* const value = object_.if_contains(key);
        std::optional<std::uint64_t> number;
        if (value != nullptr && value->is_uint64()) number = value->get_uint64();
        if (value != nullptr && value->is_int64() && value->get_int64() >= 0)
            number = static_cast<std::uint64_t>(value->get_int64());
        if (number && *number >= least) return *number;
        wrong(key, "a whole number from " + std::to_string(least) + " up");
        return least;
    }

    std::string text(std::string_view key) {
        const auto* const value = object_.if_contains(key);
        if (value != nullptr && value->is_string()) return std::string(std::string_view(value->get_string()));
        wrong(key, "text");
        return {};
    }

    std::string text_or_empty(std::string_view key) { return object_.contains(key) ? text(key) : std::string{}; }

    bool boolean(std::string_view key) {
        const auto* const value = object_.if_contains(key);
        if (value != nullptr && value->is_bool()) return value->get_bool();
        wrong(key, "true or false");
        return false;
    }

    bool boolean_or(std::string_view key, bool otherwise) { return object_.contains(key) ? boolean(key) : otherwise; }

    const json::array& array(std::string_view key) {
        const auto* const value = object_.if_contains(key);
        if (value != nullptr && value->is_array()) return value->get_array();
        wrong(key, "an array");
        return none_;
    }

    void wrong(std::string_view key, std::string_view expected) {
        if (!error_) error_ = invalid(where_ + "." + std::string(key), expected).value();
    }

    template <typename T>
    base::Result<Message> give(T message) {
        if (error_) return base::fail(std::move(*error_));
        return Message(std::move(message));
    }

    std::optional<base::Error> error_;

private:
    const json::object& object_;
    std::string where_;
    json::array none_;
};

}  // namespace meshd::channel
