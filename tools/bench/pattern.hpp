// SPDX-License-Identifier: Apache-2.0
// A stream whose every byte is known from its position, so that a byte that is lost, doubled, changed or out of order is seen at
// once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace meshd::bench {

class Pattern {
public:
    explicit Pattern(std::uint64_t seed) : seed_(seed * 0x9e3779b97f4a7c15ULL) {}

    [[nodiscard]] unsigned char at(std::uint64_t position) const {
        return static_cast<unsigned char>(mix(seed_ + position / 8) >> (position % 8 * 8));
    }

    void fill(std::span<unsigned char> bytes, std::uint64_t position) const {
        for (auto& byte : bytes) byte = at(position++);
    }

    // How many of the bytes are as they should be, from the first on.
    [[nodiscard]] std::size_t matches(std::span<const unsigned char> bytes, std::uint64_t position) const {
        std::size_t count = 0;
        while (count < bytes.size() && bytes[count] == at(position + count)) ++count;
        return count;
    }

private:
    // The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
    static std::uint64_t mix(std::uint64_t value) {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
        value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
        return value ^ (value >> 31);
    }

    std::uint64_t seed_;
};

}  // namespace meshd::bench
