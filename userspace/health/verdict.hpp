// SPDX-License-Identifier: Apache-2.0
// When successes and failures become a state. Pure.
#pragma once

#include <cstdint>
#include <optional>

namespace meshd::health {

// One answer is not a state: so many of a kind in a row are, and any of the other kind begins the count anew. That bounds how
// often a backend that flaps can change.
class Verdict {
public:
    Verdict(std::uint16_t healthy_after, std::uint16_t unhealthy_after)
        : healthy_after_(healthy_after), unhealthy_after_(unhealthy_after) {}

    // Whether this decided the state, for the first time or anew.
    bool add(bool success) {
        successes_ = success ? successes_ + 1 : 0;
        failures_ = success ? 0 : failures_ + 1;
        const auto before = state_;
        if (successes_ >= healthy_after_) state_ = State::healthy;
        if (failures_ >= unhealthy_after_) state_ = State::unhealthy;
        return state_ != before;
    }

    [[nodiscard]] std::optional<bool> healthy() const {  // nothing: not decided yet
        return state_ == State::undecided ? std::nullopt : std::optional(state_ == State::healthy);
    }

private:
    enum class State : std::uint8_t { undecided, healthy, unhealthy };

    std::uint16_t healthy_after_;
    std::uint16_t unhealthy_after_;
    std::uint32_t successes_ = 0;  // in a row
    std::uint32_t failures_ = 0;
    State state_ = State::undecided;
};

}  // namespace meshd::health
