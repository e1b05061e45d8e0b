// SPDX-License-Identifier: Apache-2.0
// What decoders of requests are made of. Private to this library.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/address.hpp"
#include "base/error.hpp"
#include "control/query.hpp"
#include "http/message.hpp"

namespace meshd::control {

tl::unexpected<base::Error> refused(std::string_view object, std::string detail, std::string_view remedy);

base::Result<void> only_keys(const http::Request& request, const std::set<std::string_view>& known, std::string_view remedy);
base::Result<boost::json::object> object_of(std::string_view body, const std::set<std::string_view>& known,
                                            std::string_view remedy);

// The name under "service", which may be left out. null is no name: who means the whole node leaves it out.
base::Result<std::optional<std::string>> optional_service(const boost::json::object& object, std::string_view usage);

const std::string* parameter(const http::Request& request, std::string_view name);
base::Result<std::optional<std::string>> service_parameter(const http::Request& request, std::string_view usage);
// "10.0.0.1", "10.0.0.1:80", "fd00::1", "[fd00::1]:80"
base::Result<std::optional<base::SocketAddress>> address_parameter(const http::Request& request, std::string_view name,
                                                                   std::string_view usage);
base::Result<std::uint64_t> number_parameter(const http::Request& request, std::string_view name, std::uint64_t otherwise,
                                             std::uint64_t most, std::string_view usage);

// One of the words of an enumeration, in its order.
template <typename Enum, std::size_t size>
base::Result<std::optional<Enum>> word_parameter(const http::Request& request, std::string_view name,
                                                 const std::array<std::string_view, size>& words, std::string_view usage) {
    const auto* const text = parameter(request, name);
    if (text == nullptr) return std::nullopt;
    for (std::size_t i = 0; i < words.size(); ++i)
        if (words[i] == *text) return static_cast<Enum>(i);
    return refused("the " + std::string(name) + " " + in_quotes(*text), "it is not known", usage);
}

}  // namespace meshd::control
