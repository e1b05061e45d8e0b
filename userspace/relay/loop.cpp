// SPDX-License-Identifier: Apache-2.0
#include "relay/loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace meshd::relay {

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_.valid()) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

bool Loop::watch(int fd, Watcher& watcher, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watcher;
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::forget(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Loop::forget_turn(const Watcher& watcher) {
    std::erase(again_, &watcher);
    std::replace(turns_.begin(), turns_.end(), const_cast<Watcher*>(&watcher), static_cast<Watcher*>(nullptr));
}

int Loop::wait_ms() const {
    if (!again_.empty()) return 0;
    if (timers_.empty()) return -1;
    const auto left = timers_.begin()->first - Clock::now();
    if (left <= Clock::duration::zero()) return 0;
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

void Loop::run(const std::function<void()>& after_round) {
    std::array<epoll_event, 256> events{};
    while (!is_stopped_) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms());
        now_ = Clock::now();
        for (int i = 0; i < count; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            static_cast<Watcher*>(event.data.ptr)->on_events(event.events);
        }
        run_turns();
        run_timers();
        after_round();
    }
}

void Loop::run_turns() {
    turns_.swap(again_);
    for (std::size_t i = 0; i < turns_.size(); ++i)
        if (turns_[i] != nullptr) turns_[i]->on_events(0);
    turns_.clear();
}

void Loop::run_timers() {
    while (!timers_.empty() && timers_.begin()->first <= now_) {
        const auto call = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        call();
    }
}

void Timer::set(Clock::duration after, std::function<void()> call) {
    cancel();
    at_ = loop_.timers_.emplace(loop_.now_ + after, [this, call = std::move(call)] {
        is_set_ = false;
        call();
    });
    is_set_ = true;
}

void Timer::cancel() {
    if (is_set_) loop_.timers_.erase(at_);
    is_set_ = false;
}

}  // namespace meshd::relay
