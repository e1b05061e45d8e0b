// SPDX-License-Identifier: Apache-2.0
// How long one waits before it tries its server again. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace meshd::registry {

class Backoff {
public:
    static constexpr std::chrono::milliseconds first{100};
    static constexpr std::chrono::milliseconds longest{15'000};

    Backoff() = default;
    Backoff(std::chrono::milliseconds least, std::chrono::milliseconds most) : least_(least), most_(most) {}

    // `chance`, from 0 to 1, spreads the nodes that lost the same server together.
    std::chrono::milliseconds next(double chance) {
        const auto wait = std::exchange(wait_, std::min(2 * wait_, most_));
        return std::chrono::milliseconds(static_cast<long>(static_cast<double>(wait.count()) * (0.5 + 0.5 * chance)));
    }
    void reset() { wait_ = least_; }

private:
    std::chrono::milliseconds least_ = first, most_ = longest;
    std::chrono::milliseconds wait_ = least_;
};

}  // namespace meshd::registry
