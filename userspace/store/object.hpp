// SPDX-License-Identifier: Apache-2.0
// What a store holds one by one: a service, a rule of the policy, settings of a service. Each is called KIND/NAME and has a key
// of its own.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace meshd::store {

enum class Kind : std::uint8_t {
    service,
    policy,
    settings,
    file,  // a registry file that somebody put under a key of another form; its name is the key
};
inline constexpr std::size_t kind_count = 4;

struct KindWords {
    std::string_view name;    // "service"
    std::string_view folder;  // that its keys begin with: "services/"; empty: any other
    std::string_view list;    // of a registry file
};
inline constexpr std::array<KindWords, kind_count> kinds{{
    {"service", "services/", "services"},
    {"policy", "policies/", "policies"},
    {"settings", "settings/", "service_settings"},
    {"file", "", ""},
}};
inline constexpr std::array<Kind, 3> object_kinds{Kind::service, Kind::policy, Kind::settings};
inline const KindWords& words(Kind kind) { return kinds.at(static_cast<std::size_t>(kind)); }
std::optional<Kind> parse_kind(std::string_view text);  // "service" or "services"

struct Object {
    Kind kind = Kind::service;
    std::string name;

    auto operator<=>(const Object&) const = default;
    [[nodiscard]] std::string text() const;  // "service/web"
    [[nodiscard]] std::string key() const;   // "services/web"
};

base::Result<Object> parse_object(std::string_view text);
Object object_of_key(std::string_view key);

// Keys that are no objects: what nodes announce of themselves.
inline constexpr std::string_view announced_folder = "announced/";

}  // namespace meshd::store
