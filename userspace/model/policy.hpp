// SPDX-License-Identifier: Apache-2.0
// Who may connect to whom: rules as a registry says them, after they have been checked.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/error.hpp"
#include "base/prefix.hpp"

namespace meshd::model {

enum class Action : std::uint8_t { allow, deny };

inline constexpr std::array<std::string_view, 2> actions{"allow", "deny"};
inline constexpr std::size_t max_rules = 4096;            // of all files together, MD_MAX_RULES
inline constexpr std::size_t max_workload_length = 1024;  // bytes

struct Rule {
    std::string name;  // a service name by its form; unique in its file
    Action action = Action::deny;

    // From whom; neither: from anybody. At most one of them is given.
    std::string workload;  // a cgroup with all below it, as a path below the mount of cgroup v2: "/shop.slice"
    std::optional<base::Prefix> from;
    std::string identity{};  // pattern of what the certificate of another host's connection says, see model/authorization.hpp

    // To whom; neither: to anything. At most one of them is given.
    std::string service;  // by name; it need not exist
    std::optional<base::Prefix> to;
    std::uint16_t port = 0;  // as the application names it: of the service, or of the address; 0: any
    std::optional<base::Protocol> protocol;

    std::string source;  // where it was read: "file:/etc/meshd/services.d/web.yaml"

    auto operator<=>(const Rule&) const = default;
};

std::string_view name(Action action);
std::optional<Action> parse_action(std::string_view text);

// An absolute path without "." and "..", empty parts, and a slash at its end. Not "/": that is everybody.
bool is_workload(std::string_view text);

// Stays the same as long as the rule keeps its name and file. Never 0.
std::uint64_t rule_id(const Rule& rule);

// "workload /shop.slice", "10.0.0.0/8", "any"
std::string from_text(const Rule& rule);
// "service web port 80/tcp", "10.0.0.0/8", "any udp"
std::string to_text(const Rule& rule);

}  // namespace meshd::model
