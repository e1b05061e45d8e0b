// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every machine for the same seed; the standard's distributions are not.
#pragma once

#include <cmath>
#include <cstdint>

namespace meshd::shapes {

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
inline std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

class Draw {
public:
    explicit Draw(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15ULL); }
    std::uint64_t below(std::uint64_t limit) { return next() % limit; }
    std::uint64_t between(std::uint64_t least, std::uint64_t most) { return least + below(most - least + 1); }
    bool percent(std::uint64_t share) { return below(100) < share; }

    // Every power of two between the two is as likely as the next.
    std::uint64_t log_uniform(std::uint64_t least, std::uint64_t most) {
        const double part = static_cast<double>(next() >> 11) / static_cast<double>(1ULL << 53);
        const double low = std::log(static_cast<double>(least)), high = std::log(static_cast<double>(most) + 1);
        const auto value = static_cast<std::uint64_t>(std::exp(low + part * (high - low)));
        return value < least ? least : value > most ? most : value;
    }

private:
    std::uint64_t state_;
};

}  // namespace meshd::shapes
