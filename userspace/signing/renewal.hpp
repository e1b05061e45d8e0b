// SPDX-License-Identifier: Apache-2.0
// When a certificate is asked for. Pure: the time is given.
#pragma once

#include <chrono>
#include <string>

#include "registry/backoff.hpp"

namespace meshd::signing {

class Renewal {
public:
    using Time = std::chrono::system_clock::time_point;
    static constexpr std::chrono::milliseconds first_wait{1000};
    static constexpr std::chrono::milliseconds longest_wait{300'000};

    // There is one. `chance`, from 0 to 1, spreads those that began together: from the half of its time to three fifths.
    void has(Time begins, Time ends, double chance);
    // None was given, and why.
    void failed(Time now, std::string problem, double chance);
    // Ask now, whatever was before.
    void ask_at(Time time) { next_ = time; }

    [[nodiscard]] Time next() const { return next_; }  // the epoch: at once
    [[nodiscard]] bool is_due(Time now) const { return now >= next_; }
    [[nodiscard]] bool has_one() const { return ends_ != Time{}; }
    [[nodiscard]] bool is_valid(Time now) const { return begins_ <= now && now < ends_; }
    [[nodiscard]] const std::string& problem() const { return problem_; }  // of the last time; empty: none

private:
    Time begins_, ends_, next_;
    std::string problem_;
    registry::Backoff backoff_{first_wait, longest_wait};
};

}  // namespace meshd::signing
