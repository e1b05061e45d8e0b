// SPDX-License-Identifier: Apache-2.0
// Those who wait for events of a NumberedLog. Pure: the caller says what time it is, and when to look.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <utility>

namespace meshd::base {

template <typename Log>
class LogWaiters {
public:
    using Clock = std::chrono::steady_clock;
    using Deliver = std::function<void(typename Log::Part)>;
    static constexpr std::chrono::seconds longest_wait{10};  // less than clients wait for an answer

    struct Waiter {
        std::uint64_t cursor;
        Clock::time_point until;
        Deliver deliver;
    };

    // Without a cursor it is answered at once, with one when there is something, or after a while with nothing.
    void wait(const Log& log, std::optional<std::uint64_t> cursor, Clock::time_point now, Deliver deliver) {
        auto part = log.since(cursor.value_or(0));
        if (!cursor || !part.events.empty() || part.lost != 0 || part.next != *cursor) return deliver(std::move(part));
        all_.push_back({*cursor, now + longest_wait, std::move(deliver)});
    }

    void deliver_what_is_there(const Log& log, Clock::time_point now) {
        for (auto waiter = all_.begin(); waiter != all_.end();) {
            auto part = log.since(waiter->cursor);
            if (part.events.empty() && part.lost == 0 && now < waiter->until) {
                ++waiter;
                continue;
            }
            const auto deliver = std::move(waiter->deliver);
            waiter = all_.erase(waiter);
            deliver(std::move(part));
        }
    }

    [[nodiscard]] const std::list<Waiter>& all() const { return all_; }  // who came first waits no longer than the others

private:
    std::list<Waiter> all_;
};

}  // namespace meshd::base
