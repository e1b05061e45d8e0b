// SPDX-License-Identifier: Apache-2.0
// The backends that have left their service, or are leaving it, and until when the connections that they have may live. Pure:
// times are given, of CLOCK_BOOTTIME, which nobody sets and which goes on while the machine sleeps.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshd/abi.h"
#include "model/service.hpp"
#include "reconcile/backend_change.hpp"

namespace meshd::sockets {

enum class Why : std::uint8_t { drain, maint, unhealthy, removed };
inline constexpr std::array<std::string_view, 4> whys{"drain", "maint", "unhealthy", "removed"};

struct Departure {
    std::string service;  // PortKey::text(); may be empty
    std::uint32_t service_id = 0;
    md_endpoint backend{};
    Why why = Why::removed;
    bool gone = false;  // its service does not name it any more
    std::uint64_t since_ns = 0;
    model::Drain policy;

    // What the last pass over all sockets has found, and what was closed in all.
    std::uint64_t open = 0;       // sockets
    std::uint64_t forwarded = 0;  // connections of others
    std::uint64_t closed = 0;     // of both

    // When its connections are closed. Nothing: never.
    [[nodiscard]] std::optional<std::uint64_t> closes_at() const;
};

class Departures {
public:
    // What services say about it. Also holds for backends that have left them. True when that changes something for one.
    bool set_policies(const std::vector<model::ServicePtr>& services);

    void note(const reconcile::BackendChange& change, std::uint64_t now_ns);
    // From an earlier agent; what is ready by now is left out.
    void restore(Departure departure, const reconcile::RealizedState& realized);

    // Where a connection stands that does not lead to a ready backend by its ids. Nullptr: it is fine after all, for its backend
    // is back with another id. One of which nothing is known has left now.
    Departure* judge(const md_translation& peer, const reconcile::RealizedState& realized, std::uint64_t now_ns);

    // After a pass that saw everything: what is gone and has no connections is forgotten, a minute after it went, or ten when it
    // had some that were closed; at once when there are very many.
    void forget(std::uint64_t now_ns, const model::DesiredState& desired);
    void clear_counts();

    // The next time after `now_ns` that connections have to be closed.
    [[nodiscard]] std::optional<std::uint64_t> next_deadline(std::uint64_t now_ns) const;

    struct Key {
        std::uint32_t service_id = 0;
        md_endpoint backend{};
    };
    using All = std::map<Key, Departure, reconcile::BytesLess>;
    [[nodiscard]] const All& all() const { return all_; }
    [[nodiscard]] Departure* find(const Key& key);  // nullptr: none

private:
    [[nodiscard]] model::Drain policy_of(const std::string& port_key) const;
    Departure& begin(const Key& key, const std::string& service, Why why, std::uint64_t now_ns);

    All all_;
    std::map<std::string, model::Drain> policies_;  // by name of the service, those that differ from the default
};

}  // namespace meshd::sockets
