// SPDX-License-Identifier: Apache-2.0
// How a backend is chosen for a new connection: values without I/O (docs/balancing.md).
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace meshd::model {

enum class Balancing : std::uint8_t {
    random,             // an independent draw for each connection, probability in proportion to weight
    round_robin,        // each backend in turn, whatever its weight (0 still means never)
    weighted,           // in turn in proportion to weight, exact over a cycle and spread evenly in it
    maglev,             // by a hash, so that the same source has the same backend whatever others come and go
    least_connections,  // of two drawn, the one with fewer open connections for its weight
    latency,            // of two drawn, the one with the lower score of time and failures
};

// Who is to have the same backend.
enum class HashBy : std::uint8_t {
    source,      // the address that the socket is bound to, else its network namespace
    workload,    // the cgroup of the process
    connection,  // nobody: each connection by itself
};

enum class Near : std::uint8_t { anywhere, region, zone, node };

struct BalancingOptions {
    std::uint32_t failure_penalty_ms = 1000;  // latency: what a certain failure weighs against waiting
    HashBy hash = HashBy::source;             // maglev, and affinity
    std::uint32_t slow_start_ms = 0;          // a backend that becomes usable gets its whole share after so long
    std::uint32_t affinity_s = 0;             // a source keeps its backend for so long after its last connection; 0: it does not
    Near prefer = Near::anywhere;
    std::uint8_t spill_below_percent = 70;  // fewer of the near backends are usable: those of the next wider area are near, too
    std::uint16_t spill_open = 0;  // a near backend has so many connections open for its weight: all are drawn from. 0: never

    auto operator<=>(const BalancingOptions&) const = default;
};

using Labels = std::map<std::string, std::string, std::less<>>;

// Backends that have all these labels share `weight` out among them, however many they are.
struct Subset {
    std::string name;
    Labels labels;
    std::uint16_t weight = 1;  // 0: none of them is chosen

    auto operator<=>(const Subset&) const = default;
};

inline constexpr std::uint32_t max_failure_penalty_ms = 3600 * 1000;
inline constexpr std::uint32_t max_slow_start_ms = 3600 * 1000;
inline constexpr std::uint16_t max_spill_open = 10000;
inline constexpr std::size_t max_subsets = 32;
inline constexpr std::size_t max_labels = 64;
inline constexpr std::size_t max_label_length = 127;  // bytes, of a name and of a value

std::string_view name(Balancing balancing);
std::string_view name(HashBy hash);
std::string_view name(Near near);  // "anywhere" when none is meant
std::optional<Balancing> parse_balancing(std::string_view text);
std::optional<HashBy> parse_hash_by(std::string_view text);
std::optional<Near> parse_near(std::string_view text);  // what a file may say: not "anywhere"

bool has_labels(const Labels& of, const Labels& wanted);

// Whether two localities "region/zone/node" agree in as many parts as `near` asks for. One that lacks a part agrees with none.
bool is_near(std::string_view locality, std::string_view other, Near near);

}  // namespace meshd::model
