// SPDX-License-Identifier: Apache-2.0
// How long to wait before a request is tried again. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace meshd::exporters {

class Backoff {
public:
    static constexpr std::chrono::milliseconds first{1000};
    static constexpr std::chrono::milliseconds longest{30000};
    static constexpr std::chrono::seconds longest_asked{300};  // a server that wants more is asked earlier

    // `asked` is what the server wants (Retry-After); `chance`, from 0 to 1, spreads the nodes that failed together.
    std::chrono::milliseconds next(std::optional<std::chrono::seconds> asked, double chance) {
        const auto wait = std::exchange(wait_, std::min(2 * wait_, longest));
        if (asked) return std::min(*asked, longest_asked);
        return std::chrono::milliseconds(static_cast<long>(static_cast<double>(wait.count()) * (0.75 + 0.5 * chance)));
    }
    void reset() { wait_ = first; }

private:
    std::chrono::milliseconds wait_ = first;
};

}  // namespace meshd::exporters
