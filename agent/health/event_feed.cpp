// SPDX-License-Identifier: Apache-2.0
#include "health/event_feed.hpp"

namespace meshd::health {

namespace {

using namespace std::chrono_literals;

constexpr auto settle = 20ms;  // events that come together are delivered together

}  // namespace

void EventFeed::put(Event event) {
    log_.put(std::move(event));
    schedule();
}

void EventFeed::wait(std::optional<std::uint64_t> cursor, Waiters::Deliver deliver) {
    waiters_.wait(log_, cursor, std::chrono::steady_clock::now(), std::move(deliver));
    schedule();
}

void EventFeed::schedule() {
    if (waiters_.all().empty()) return;
    const auto now = std::chrono::steady_clock::now();
    auto due = waiters_.all().front().until;
    for (const auto& waiter : waiters_.all())
        if (waiter.cursor != log_.next()) due = std::min(due, now + settle);
    timer_.expires_at(due);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        waiters_.deliver_what_is_there(log_, std::chrono::steady_clock::now());
        schedule();
    });
}

}  // namespace meshd::health
