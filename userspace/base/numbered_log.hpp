// SPDX-License-Identifier: Apache-2.0
// The last events, numbered from 1, for watchers who come back for more. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace meshd::base {

template <typename Event, std::size_t kept, std::size_t at_once>
class NumberedLog {
public:
    static constexpr std::size_t most = kept;      // events that are kept
    static constexpr std::size_t batch = at_once;  // events that are handed out at once

    struct Part {
        std::vector<Event> events;
        std::uint64_t next = 0;  // the cursor to come back with
        std::uint64_t lost = 0;  // events that were not kept long enough
    };

    void put(Event event) {
        events_.push_back(std::move(event));
        if (events_.size() <= most) return;
        events_.pop_front();
        ++first_;
    }

    [[nodiscard]] std::uint64_t next() const { return first_ + events_.size(); }  // number of the event to come
    [[nodiscard]] const std::deque<Event>& events() const { return events_; }

    // A cursor that is no number of this log, such as one of the agent before, begins now.
    [[nodiscard]] Part since(std::uint64_t cursor) const {
        Part part;
        if (cursor == 0 || cursor > next()) cursor = next();
        if (cursor < first_) part.lost = first_ - std::exchange(cursor, first_);
        const auto count = std::min<std::uint64_t>(next() - cursor, batch);
        const auto begin = events_.begin() + static_cast<std::ptrdiff_t>(cursor - first_);
        part.events.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
        part.next = cursor + count;
        return part;
    }

    void clear() {
        first_ = next();
        events_.clear();
    }

private:
    std::deque<Event> events_;
    std::uint64_t first_ = 1;  // number of events_.front()
};

}  // namespace meshd::base
