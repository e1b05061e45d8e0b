// SPDX-License-Identifier: Apache-2.0
// What a direction of a connection carries: every byte is known from its position, so that one that is lost, doubled, changed or
// out of order is seen at once. Eight bytes cost one mix, so that checking is cheap beside moving.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "draw.hpp"

namespace meshd::shapes {

class Content {
public:
    explicit Content(std::uint64_t seed) : seed_(seed) {}

    void fill(std::span<unsigned char> bytes, std::uint64_t position) const {
        walk(bytes, position, [](unsigned char* to, const unsigned char* right, std::size_t count) {
            std::memcpy(to, right, count);
            return true;
        });
    }

    // How many of the bytes are as they should be, from the first on.
    [[nodiscard]] std::size_t matches(std::span<const unsigned char> bytes, std::uint64_t position) const {
        const auto wrong_word =
            walk(bytes, position, [](const unsigned char* found, const unsigned char* right, std::size_t count) {
                return std::memcmp(found, right, count) == 0;
            });
        auto count = wrong_word;
        while (count < bytes.size() && bytes[count] == at(position + count)) ++count;
        return count;
    }

private:
    [[nodiscard]] unsigned char at(std::uint64_t position) const {
        return static_cast<unsigned char>(mix(seed_ + position / 8) >> (position % 8 * 8));
    }

    // Calls visit(bytes, right bytes, count) word by word until it answers false; the number of bytes before that word.
    template <class Byte, class Visit>
    std::size_t walk(std::span<Byte> bytes, std::uint64_t position, Visit visit) const {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const std::uint64_t word = mix(seed_ + (position + done) / 8);  // little-endian, as at() is
            const std::size_t skip = (position + done) % 8;
            const std::size_t count = std::min<std::size_t>(8 - skip, bytes.size() - done);
            const auto* right = reinterpret_cast<const unsigned char*>(&word) + skip;
            if (count == 8 ? !visit(bytes.data() + done, right, 8) : !visit(bytes.data() + done, right, count)) break;
            done += count;
        }
        return done;
    }

    std::uint64_t seed_;
};

}  // namespace meshd::shapes
