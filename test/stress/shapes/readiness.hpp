// SPDX-License-Identifier: Apache-2.0
// Waiting for a non-blocking socket, in the ways that programs do. With a blocking one there is nothing to wait for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/unique_fd.hpp"
#include "connection.hpp"

namespace meshd::shapes {

class Readiness {
public:
    Readiness(Connection& connection, std::uint32_t events);  // EPOLLIN or EPOLLOUT

    void wait();                                      // returns early after a signal
    void took(std::size_t count, std::size_t asked);  // a read that gave bytes
    void dry() { ready_ = false; }                    // EAGAIN

private:
    void wait_for_event();
    void wait_for_edge();

    Connection& connection_;
    const std::uint32_t events_;
    base::UniqueFd epoll_;
    bool ready_ = true;  // edge-triggered: try until it is dry
    // What nginx keeps of a connection (ngx_unix_recv): a number that FIONREAD gave, -1 where it was not asked.
    int available_ = -1;
    bool end_is_near_ = false;
};

}  // namespace meshd::shapes
