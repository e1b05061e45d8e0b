// SPDX-License-Identifier: Apache-2.0
#include "readiness.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "bench/sockets.hpp"

namespace meshd::shapes {

namespace {

// A lost wake-up shows only when nobody looks again by himself: the watch ends a wait, not a time-out.
constexpr int for_ever = -1;

}  // namespace

Readiness::Readiness(Connection& connection, std::uint32_t events) : connection_(connection), events_(events) {
    const auto wait = connection.seat().wait;
    if (wait == Feature::blocking || wait == Feature::poll) return;
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = events | (events == EPOLLIN ? EPOLLRDHUP : 0U) | (wait == Feature::epoll_level ? 0U : EPOLLET);
    if (!epoll_.valid() || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd(), &event) != 0) bench::throw_errno("epoll");
}

void Readiness::wait_for_event() {
    epoll_event event{};
    if (::epoll_wait(epoll_.get(), &event, 1, for_ever) <= 0) return;
    ready_ = true;
    available_ = -1;
    if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) end_is_near_ = true;
}

void Readiness::wait_for_edge() {
    if (connection_.seat().wait == Feature::fionread && available_ == 0 && !end_is_near_) ready_ = false;
    while (!ready_ && !connection_.given_up()) {
        wait_for_event();
        if (connection_.was_kicked()) {  // by the watch, which has counted the stall
            ready_ = true;
            available_ = -1;
        }
    }
}

void Readiness::wait() {
    switch (connection_.seat().wait) {
        case Feature::poll: {
            pollfd one{connection_.fd(), static_cast<short>(events_ == EPOLLIN ? POLLIN : POLLOUT), 0};
            ::poll(&one, 1, for_ever);
            break;
        }
        case Feature::epoll_level:
            wait_for_event();
            break;
        case Feature::epoll_edge:
        case Feature::fionread:
            wait_for_edge();
            break;
        default:
            break;
    }
}

void Readiness::took(std::size_t count, std::size_t asked) {
    if (connection_.seat().wait != Feature::fionread) return;
    if (available_ >= 0) {
        available_ -= static_cast<int>(count);
        if (available_ < 0) {  // more has come since FIONREAD was asked, and an edge with it
            available_ = 0;
            ready_ = false;
        }
    } else if (count == asked && ::ioctl(connection_.fd(), FIONREAD, &available_) != 0) {
        bench::throw_errno("ioctl FIONREAD");
    }
    if (count < asked) {
        if (!end_is_near_) ready_ = false;
        available_ = 0;
    }
}

}  // namespace meshd::shapes
