// SPDX-License-Identifier: Apache-2.0
// Learns which services gain nothing from the short way: their readers fall behind so often that connections keep leaving it, or
// that most messages take TCP after all, and trying costs more than the way saves. Pure: the caller says what happened and what
// time it is.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace meshd::acceleration {

class Learner {
public:
    using Clock = std::chrono::steady_clock;

    // At least so many leave within the window, and at least this share of those that were opened in it: then the service is off.
    static constexpr std::uint64_t enough = 16;
    static constexpr std::uint64_t share_percent = 10;
    static constexpr std::chrono::seconds window{10};
    // Or: at least so many messages that had to take TCP between two looks, and at least this share of all of them.
    static constexpr std::uint64_t enough_messages = 1000;
    static constexpr std::uint64_t messages_percent = 50;
    // How long it stays off the first time; twice as long each time after that, if it happens again soon after its return.
    static constexpr std::chrono::seconds first_time{60};
    static constexpr std::chrono::seconds longest{3600};

    // A connection of the service left since its reader fell behind; `opened` counts all that the service ever had on the short
    // way. The time until which the service is to stay off, when this was one too many.
    std::optional<Clock::time_point> left(const std::string& service, std::uint64_t opened, Clock::time_point now);

    // Messages of the service's connections: those that took the short way, and those that would have, but for a reader that was
    // behind.
    struct Messages {
        std::uint64_t by_short = 0, by_tcp = 0;
    };
    // `messages` since the last look. The time until which the service is to stay off, when too few of them gained.
    std::optional<Clock::time_point> sent(const std::string& service, const Messages& messages, Clock::time_point now);

    // Services that are off now.
    [[nodiscard]] std::map<std::string, Clock::time_point> off(Clock::time_point now) const;
    // Forgets what is over.
    void expire(Clock::time_point now);

private:
    struct Event {
        Clock::time_point at;
        std::uint64_t opened;
    };
    struct Memory {
        std::deque<Event> recent;
        Clock::time_point off_until;
        std::chrono::seconds off_for{0};  // the last time
    };
    static Clock::time_point turn_off(Memory& memory, Clock::time_point now);

    std::map<std::string, Memory> services_;
};

}  // namespace meshd::acceleration
