// SPDX-License-Identifier: Apache-2.0
// What meshd.yaml says about packets that pass this node: at which devices they are looked at, and how those for a service reach
// its backends.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/service.hpp"

namespace meshd::config {

// When the source of a translated packet is translated, too.
enum class Masquerade : std::uint8_t {
    automatic,  // when the packet leaves by the device that it came by
    always,     // when it leaves this node at all
    never,
};

// What becomes of packets for a service without a usable backend.
enum class NoBackend : std::uint8_t {
    reject,  // the client is told: a TCP reset, an ICMP error
    drop,
};

// How long a connection is remembered after its last packet. docs/forwarding.md has the reason of each.
struct TrackTimeouts {
    std::chrono::milliseconds opening = std::chrono::seconds(30);
    std::chrono::milliseconds established = std::chrono::minutes(124);
    std::chrono::milliseconds closing = std::chrono::minutes(4);
    std::chrono::milliseconds closed = std::chrono::seconds(10);
    std::chrono::milliseconds udp = std::chrono::minutes(5);

    bool operator==(const TrackTimeouts&) const = default;
};

// Ports for translated sources, both included.
struct PortRange {
    std::uint16_t first = 61001;
    std::uint16_t last = 65535;

    bool operator==(const PortRange&) const = default;
};

struct Forwarding {
    model::Forward mode = model::Forward::nat;  // forwarding.default: of services that say nothing; never automatic
    Masquerade masquerade = Masquerade::automatic;
    NoBackend no_backend = NoBackend::reject;
    PortRange ports;
    TrackTimeouts timeouts;

    bool operator==(const Forwarding&) const = default;
};

struct Flows {
    bool enabled = true;  // connections of local sockets
    bool devices = true;  // packets that pass devices untranslated
    // Of flows that do not take the short way: then programs see each packet of local sockets, and read the clock for each.
    bool response_time = false;

    bool operator==(const Flows&) const = default;
};

inline constexpr std::size_t max_device_patterns = 256;

// The words of the file, in the order of the enumerations.
inline constexpr std::array<std::string_view, 3> masquerades{"auto", "always", "never"};

inline constexpr std::array<std::string_view, 2> no_backends{"reject", "drop"};

std::string_view name(Masquerade masquerade);
std::optional<Masquerade> parse_masquerade(std::string_view text);
std::string_view name(NoBackend no_backend);
std::optional<NoBackend> parse_no_backend(std::string_view text);

// "61001-65535"
std::optional<PortRange> parse_port_range(std::string_view text);
std::string text(const PortRange& range);

// Whether it can be an item of `devices`: a shell pattern of at most 15 bytes, as the names are, perhaps behind a "!".
bool is_device_pattern(std::string_view text);

// Whether a device of this name is meant: some pattern fits, and none behind a "!" does.
bool is_chosen(const std::vector<std::string>& patterns, const std::string& device);

}  // namespace meshd::config
