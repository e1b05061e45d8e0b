// SPDX-License-Identifier: Apache-2.0
// Reading the members of settings that the agent gave its worker as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "base/error.hpp"

namespace meshd::model {

// Reads members of one object and remembers the first that is wrong.
class Members {
public:
    Members(const boost::json::value& value, std::string where) : where_(std::move(where)) {
        if (value.is_object())
            object_ = &value.get_object();
        else
            wrong("", "an object");
    }

    std::string text(std::string_view key) {
        const auto* const value = find(key);
        if (value != nullptr && value->is_string()) return std::string(std::string_view(value->get_string()));
        wrong(key, "text");
        return {};
    }

    std::string path(std::string_view key, bool may_be_empty = false) {
        auto path = text(key);
        if (!path.starts_with('/') && !(path.empty() && may_be_empty)) wrong(key, "an absolute path");
        return path;
    }

    bool boolean(std::string_view key) {
        const auto* const value = find(key);
        if (value != nullptr && value->is_bool()) return value->get_bool();
        wrong(key, "true or false");
        return false;
    }

    template <typename Number>
    Number number(std::string_view key, Number least) {
        const auto* const value = find(key);
        boost::system::error_code error;
        if (value != nullptr && value->is_number())
            if (const auto number = value->to_number<Number>(error); !error && number >= least) return number;
        wrong(key, "a number in range");
        return least;
    }

    const boost::json::array& array(std::string_view key) {
        static const boost::json::array none;
        const auto* const value = find(key);
        if (value != nullptr && value->is_array()) return value->get_array();
        wrong(key, "an array");
        return none;
    }

    std::vector<std::string> texts(std::string_view key) {
        std::vector<std::string> all;
        for (const auto& item : array(key)) {
            if (item.is_string())
                all.emplace_back(std::string_view(item.get_string()));
            else
                wrong(key, "an array of texts");
        }
        return all;
    }

    // What the member is, null when it is not there.
    const boost::json::value& value(std::string_view key) {
        static const boost::json::value none;
        const auto* const found = find(key);
        return found == nullptr ? none : *found;
    }

    void wrong(std::string_view key, std::string_view expected) {
        if (error_.detail.empty())
            error_ = {"read settings of", where_ + "." + std::string(key), 0, "expected " + std::string(expected), {}};
    }

    // Takes over what was wrong in an object within this one.
    void check(const Members& inner) {
        if (error_.detail.empty()) error_ = inner.error_;
    }

    [[nodiscard]] const std::string& where() const { return where_; }
    [[nodiscard]] base::Result<void> outcome() const {
        if (error_.detail.empty()) return {};
        return base::fail(error_);
    }

private:
    const boost::json::value* find(std::string_view key) { return object_ == nullptr ? nullptr : object_->if_contains(key); }

    const boost::json::object* object_ = nullptr;
    std::string where_;
    base::Error error_;
};

}  // namespace meshd::model
