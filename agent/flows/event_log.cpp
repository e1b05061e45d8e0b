// SPDX-License-Identifier: Apache-2.0
#include "flows/event_log.hpp"

#include <algorithm>

namespace meshd::flows {

void EventLog::put(const md_flow_event& event) {
    events_.push_back(event);
    if (events_.size() <= most) return;
    events_.pop_front();
    ++first_;
}

EventLog::Part EventLog::since(std::uint64_t cursor) const {
    Part part;
    if (cursor == 0 || cursor > next()) cursor = next();
    if (cursor < first_) {
        part.lost = first_ - cursor;
        cursor = first_;
    }
    const auto count = std::min<std::uint64_t>(next() - cursor, batch);
    const auto begin = events_.begin() + static_cast<std::ptrdiff_t>(cursor - first_);
    part.events.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    part.next = cursor + count;
    return part;
}

void EventLog::clear() {
    first_ = next();
    events_.clear();
}

}  // namespace meshd::flows
