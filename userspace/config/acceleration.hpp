// SPDX-License-Identifier: Apache-2.0
// What meshd.yaml says about the short way: TCP connections whose both ends are on this host and whose bytes go straight from
// one socket to the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshd::config {

// The most that may be done. What the self-test has not proved for the running kernel is not done in any of them.
enum class AccelerationMode : std::uint8_t {
    automatic,  // what the self-test proves
    on,         // every connection that is in scope
    named,      // only connections of services that ask for it by name
    off,
};

// Which connections take the short way where no service says otherwise.
enum class AccelerationDefault : std::uint8_t { services, all, off };

// Connections that never take the short way.
struct Exclusion {
    enum class Kind : std::uint8_t {
        service,  // by name
        port,     // of either end
        cgroup,   // of either end, with all below it; a path below the mount of cgroup v2, without a slash at its end
        user,     // of either end: name or uid
    };

    Kind kind = Kind::service;
    std::string text;  // as written; a port and a uid as decimal digits

    bool operator==(const Exclusion&) const = default;
};

inline constexpr std::uint64_t min_acceleration_memory = std::uint64_t{1} << 20U;
inline constexpr std::uint64_t max_acceleration_memory = std::uint64_t{1} << 40U;
inline constexpr std::size_t max_exclusions = 256;

struct Acceleration {
    AccelerationMode mode = AccelerationMode::automatic;
    AccelerationDefault scope = AccelerationDefault::services;  // acceleration.default
    // No more bytes take the short way while the TCP memory of this node is above it.
    std::uint64_t memory_bytes = std::uint64_t{256} << 20U;
    std::vector<Exclusion> exclude;  // at most max_exclusions, in the order of the file, no two the same

    bool operator==(const Acceleration&) const = default;
};

// The words of the file, in the order of the enumerations.
inline constexpr std::array<std::string_view, 4> acceleration_modes{"auto", "on", "named", "off"};
inline constexpr std::array<std::string_view, 3> acceleration_defaults{"services", "all", "off"};
inline constexpr std::array<std::string_view, 4> exclusion_kinds{"service", "port", "cgroup", "user"};

std::string_view name(AccelerationMode mode);
std::string_view name(AccelerationDefault scope);
std::string_view name(Exclusion::Kind kind);
std::optional<AccelerationMode> parse_acceleration_mode(std::string_view text);
std::optional<AccelerationDefault> parse_acceleration_default(std::string_view text);

}  // namespace meshd::config
