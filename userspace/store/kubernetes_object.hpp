// SPDX-License-Identifier: Apache-2.0
// An object of a store as a MeshConfiguration of Kubernetes, and back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "store/store.hpp"

namespace meshd::store {

// "service-web". What is no name in Kubernetes becomes one that is like it, with a number made of the name behind it.
std::string kubernetes_name(const Object& object);

// A registry file as Kubernetes gives it back: its members in order, without comments.
std::string as_kubernetes_keeps(const std::string& text);

// `before` is the object as it is there now, null when it is not: what others have added to it stays.
boost::json::object kubernetes_object(const Object& object, const std::string& text, const boost::json::object* before);

// `where` without its name. Nothing when it is no MeshConfiguration.
std::optional<Item> item_of(const boost::json::object& configuration, const std::string& where);

// A member below several others: "metadata", "name"; empty when it is not there or no text.
std::string text_in(const boost::json::object& object, std::initializer_list<std::string_view> path);

}  // namespace meshd::store
