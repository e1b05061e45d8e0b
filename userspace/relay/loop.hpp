// SPDX-License-Identifier: Apache-2.0
// What one relay thread waits for: sockets, turns and times.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include <sys/epoll.h>

#include "base/unique_fd.hpp"

namespace meshd::relay {

using Clock = std::chrono::steady_clock;

class Watcher {
public:
    Watcher() = default;
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    virtual ~Watcher() = default;

    virtual void on_events(std::uint32_t events) = 0;  // EPOLLIN, EPOLLOUT …; 0: a turn that it asked for
};

// Everything on its own thread. A watcher may be forgotten at any time, but must be kept until after_round(): an event of its may
// be on its way.
class Loop {
public:
    // Changes of a socket's state, each told once.
    static constexpr std::uint32_t changes = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

    Loop();  // std::system_error: no descriptor

    bool watch(int fd, Watcher& watcher, std::uint32_t events = changes);
    void forget(int fd);
    // Calls it once more when all others have had their turn.
    void call_again(Watcher& watcher) { again_.push_back(&watcher); }
    void forget_turn(const Watcher& watcher);

    void run(const std::function<void()>& after_round);
    void stop() { is_stopped_ = true; }
    [[nodiscard]] Clock::time_point now() const { return now_; }  // when the events of this round came

private:
    friend class Timer;
    using Timers = std::multimap<Clock::time_point, std::function<void()>>;

    [[nodiscard]] int wait_ms() const;
    void run_turns();
    void run_timers();

    base::UniqueFd epoll_;
    std::vector<Watcher*> again_, turns_;
    Timers timers_;
    Clock::time_point now_ = Clock::now();
    bool is_stopped_ = false;
};

// Calls back once, unless it is set anew or goes away before.
class Timer {
public:
    explicit Timer(Loop& loop) : loop_(loop) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { cancel(); }

    void set(Clock::duration after, std::function<void()> call);
    void cancel();
    [[nodiscard]] bool is_set() const { return is_set_; }

private:
    Loop& loop_;
    Loop::Timers::iterator at_{};
    bool is_set_ = false;
};

}  // namespace meshd::relay
