// SPDX-License-Identifier: Apache-2.0
// How a backend stands with this node, and why.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reconcile/realized_state.hpp"

namespace meshd::health {

using Clock = std::chrono::system_clock;

// In the order in which they count: what stands first hides what follows.
enum class State : std::uint8_t {
    maint,      // out of service, by the registry's or a person's word
    drain,      // takes no new connections, likewise
    unhealthy,  // its probes fail, or its registry's own checks
    ejected,    // connections to it failed; the kernel leaves it out until a time
    ready,
};

std::string_view name(State state);

// The reason of a backend that its registry calls unhealthy.
inline constexpr std::string_view registry_calls_it_unhealthy = "its registry says so";

// One backend of one port of a service.
struct BackendKey {
    reconcile::PortKey port;
    base::SocketAddress endpoint;

    auto operator<=>(const BackendKey&) const = default;
};

struct Standing {
    State state = State::ready;
    std::string reason;                      // empty when there is nothing to say
    std::optional<Clock::time_point> since;  // nothing: as long as this agent knows
    std::optional<Clock::time_point> until;  // when it ends by itself
    bool in_panic = false;                   // used all the same: too few of its port are usable

    // Whether new connections may be given to it, as far as this node's agent decides; the kernel passes over ejected ones.
    [[nodiscard]] bool may_be_used() const { return state == State::ready || in_panic; }
    bool operator==(const Standing&) const = default;
};

// What has changed, for those who are told.
struct Change {
    BackendKey backend;
    State from = State::ready;
    Standing now;
    std::string before{};  // the reason of `from`
};

struct PanicChange {
    reconcile::PortKey port;
    bool panic = false;
    std::size_t usable = 0, counted = 0;
};

}  // namespace meshd::health
