// SPDX-License-Identifier: Apache-2.0
// What both ends of one connection are going to do, drawn from the run's seed and the connection's number. It lies in shared
// memory, so it is plain data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "content.hpp"
#include "feature.hpp"

namespace meshd::shapes {

enum class Side : std::uint8_t { client, server };

constexpr Side other(Side side) { return side == Side::client ? Side::server : Side::client; }
constexpr std::size_t index(Side side) { return static_cast<std::size_t>(side); }

// The messages that one side sends.
struct Outgoing {
    std::uint64_t seed = 0;
    std::uint64_t total = 0;    // bytes
    std::uint32_t count = 0;    // messages
    std::uint32_t limit = 0;    // bytes of a message at most
    bool all_of_limit = false;  // else log-uniform up to the limit

    [[nodiscard]] std::vector<std::uint32_t> sizes() const;
    [[nodiscard]] Content content() const { return Content(mix(seed)); }
};

// How one side uses its socket.
struct Seat {
    Feature write = Feature::send;
    Feature take = Feature::recv;
    Feature wait = Feature::blocking;
    Feature pace = Feature::prompt;
    std::uint32_t chunk = 0;      // bytes to ask for in one call
    std::uint32_t late_ms = 0;    // before the first read
    std::uint32_t pauses = 0;     // of a slow reader
    std::uint32_t low_water = 0;  // SO_RCVLOWAT, 0: not set; so are these
    std::uint32_t receive_buffer = 0;
    std::uint32_t send_buffer = 0;
    bool nodelay = false;
    bool cork = false;
    bool signals = false;
};

struct Plan {
    std::uint64_t number = 0;
    Feature talk = Feature::stream;
    Feature end = Feature::close;
    Side first = Side::client;           // who speaks first, or alone
    Side ender = Side::client;           // who half-closes, closes or resets
    std::uint64_t reset_at = 0;          // after so many bytes that the ender sent, or read where it only reads
    std::array<Outgoing, 2> outgoing{};  // by side
    std::array<Seat, 2> seats{};

    [[nodiscard]] const Outgoing& from(Side side) const { return outgoing[index(side)]; }
    [[nodiscard]] const Seat& seat(Side side) const { return seats[index(side)]; }
    [[nodiscard]] bool resets(Side side) const { return end == Feature::reset && ender == side; }
};
static_assert(std::is_trivially_copyable_v<Plan>);

enum class Mix : std::uint8_t { mixed, small, bulk };  // of sizes

Mix parse_mix(std::string_view text);  // throws std::invalid_argument

Plan make_plan(const Menu& menu, Mix sizes, std::uint64_t seed, std::uint64_t number);
Features features_of(const Plan& plan);  // those that matter: no way to read where nothing comes
std::string describe(const Plan& plan);

}  // namespace meshd::shapes
