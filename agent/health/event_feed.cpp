// SPDX-License-Identifier: Apache-2.0
#include "health/event_feed.hpp"

namespace meshd::health {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_wait = 10s;  // less than clients wait for an answer
constexpr auto settle = 20ms;       // events that come together are delivered together

}  // namespace

void EventFeed::put(Event event) {
    log_.put(std::move(event));
    schedule();
}

void EventFeed::wait(std::optional<std::uint64_t> cursor, Deliver deliver) {
    auto part = log_.since(cursor.value_or(0));
    if (!cursor || !part.events.empty() || part.lost != 0 || part.next != *cursor) return deliver(std::move(part));
    waiters_.push_back({*cursor, std::chrono::steady_clock::now() + longest_wait, std::move(deliver)});
    schedule();
}

void EventFeed::schedule() {
    if (waiters_.empty()) return;
    const auto now = std::chrono::steady_clock::now();
    auto due = waiters_.front().until;  // who came first waits no longer than the others
    for (const auto& waiter : waiters_)
        if (waiter.cursor != log_.next()) due = std::min(due, now + settle);
    timer_.expires_at(due);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        deliver_what_is_there();
        schedule();
    });
}

void EventFeed::deliver_what_is_there() {
    const auto now = std::chrono::steady_clock::now();
    for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
        auto part = log_.since(waiter->cursor);
        if (part.events.empty() && part.lost == 0 && now < waiter->until) {
            ++waiter;
            continue;
        }
        const auto deliver = std::move(waiter->deliver);
        waiter = waiters_.erase(waiter);
        deliver(std::move(part));
    }
}

}  // namespace meshd::health
