// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/fields.hpp"

namespace meshd::registry::kubernetes {

namespace json = boost::json;

const json::value* Fields::find(std::string_view key) const {
    const auto* const value = object_->if_contains(key);
    return value == nullptr || value->is_null() ? nullptr : value;
}

const json::array* Fields::array(std::string_view key) const {
    const auto* const value = find(key);
    if (value == nullptr) return nullptr;
    if (!value->is_array()) findings_->refuse(place(key), "is not a list");
    return value->if_array();
}

std::string_view Fields::text(std::string_view key) const {
    const auto* const value = find(key);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get_string();
    findings_->refuse(place(key), "is not text");
    return {};
}

std::int64_t Fields::number(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t otherwise) const {
    const auto* const value = find(key);
    if (value == nullptr) return otherwise;
    if (value->is_int64() && value->get_int64() >= least && value->get_int64() <= most) return value->get_int64();
    findings_->refuse(place(key), "is not a number from " + std::to_string(least) + " to " + std::to_string(most));
    return otherwise;
}

bool Fields::boolean(std::string_view key, bool otherwise) const {
    const auto* const value = find(key);
    if (value == nullptr) return otherwise;
    if (value->is_bool()) return value->get_bool();
    findings_->refuse(place(key), "is neither true nor false");
    return otherwise;
}

Fields Fields::object(std::string_view key) const {
    static const json::object none;
    const auto* const value = find(key);
    if (value != nullptr && !value->is_object()) findings_->refuse(place(key), "is not an object");
    return {value != nullptr && value->is_object() ? value->get_object() : none, place(key) + ".", *findings_};
}

}  // namespace meshd::registry::kubernetes
