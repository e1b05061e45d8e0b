// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>

#include <sys/epoll.h>

#include "base/unique_fd.hpp"
#include "sockets.hpp"

namespace meshd::bench {

// Level-triggered; the pointer given with a descriptor comes back with its events.
class Epoll {
public:
    Epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (!fd_.valid()) throw_errno("epoll_create1");
    }

    void add(int fd, std::uint32_t events, void* who) { control(EPOLL_CTL_ADD, fd, events, who); }
    void change(int fd, std::uint32_t events, void* who) { control(EPOLL_CTL_MOD, fd, events, who); }

    std::span<epoll_event> wait(int timeout_ms) {
        const int count = ::epoll_wait(fd_.get(), events_.data(), static_cast<int>(events_.size()), timeout_ms);
        return std::span(events_).first(count > 0 ? static_cast<std::size_t>(count) : 0);
    }

private:
    void control(int operation, int fd, std::uint32_t events, void* who) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = who;
        if (::epoll_ctl(fd_.get(), operation, fd, &event) != 0) throw_errno("epoll_ctl");
    }

    base::UniqueFd fd_;
    std::array<epoll_event, 256> events_{};
};

}  // namespace meshd::bench
