// SPDX-License-Identifier: Apache-2.0
// Reads members of a JSON object with their types. What is missing or null is as if it were not said, as Kubernetes has it; what
// has another type is an error that names the place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/error.hpp"

namespace meshd::registry::kubernetes {

// The first error found in one object; later ones are not kept.
class Findings {
public:
    Findings(std::string kind, std::string key) : kind_(std::move(kind)), key_(std::move(key)) {}

    void refuse(const std::string& where, const std::string& why) {
        if (error_.operation.empty()) error_ = {"accept", kind_ + " " + key_, 0, where + " " + why, {}};
    }
    [[nodiscard]] bool ok() const { return error_.operation.empty(); }
    [[nodiscard]] const base::Error& error() const { return error_; }

private:
    std::string kind_, key_;
    base::Error error_;
};

class Fields {
public:
    Fields(const boost::json::object& object, std::string where, Findings& findings)
        : object_(&object), where_(std::move(where)), findings_(&findings) {}

    [[nodiscard]] std::string place(std::string_view key) const { return where_ + std::string(key); }
    [[nodiscard]] Findings& findings() const { return *findings_; }

    [[nodiscard]] std::string_view text(std::string_view key) const;
    [[nodiscard]] std::int64_t number(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t otherwise) const;
    [[nodiscard]] bool boolean(std::string_view key, bool otherwise) const;
    [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
    [[nodiscard]] Fields object(std::string_view key) const;  // an empty one when it is missing

    // `item` gets the place of each item, and the item.
    template <typename Item>
    void each(std::string_view key, Item item) const {
        const auto* const list = array(key);
        if (list == nullptr) return;
        for (std::size_t i = 0; i < list->size(); ++i) item(place(key) + "[" + std::to_string(i) + "]", (*list)[i]);
    }
    template <typename Item>
    void each_object(std::string_view key, Item item) const {
        each(key, [&](const std::string& where, const boost::json::value& value) {
            if (value.is_object())
                item(Fields(value.get_object(), where + ".", *findings_));
            else
                findings_->refuse(where, "is not an object");
        });
    }
    template <typename Item>
    void each_text(std::string_view key, Item item) const {
        each(key, [&](const std::string& where, const boost::json::value& value) {
            if (value.is_string())
                item(where, std::string_view(value.get_string()));
            else
                findings_->refuse(where, "is not text");
        });
    }

    // `member` gets its key, its place and itself.
    template <typename Member>
    void each_member(Member member) const {
        for (const auto& [key, value] : *object_) member(std::string_view(key), place(key), value);
    }

private:
    [[nodiscard]] const boost::json::value* find(std::string_view key) const;
    [[nodiscard]] const boost::json::array* array(std::string_view key) const;

    const boost::json::object* object_;
    std::string where_;  // "spec.", empty at the top
    Findings* findings_;
};

}  // namespace meshd::registry::kubernetes
