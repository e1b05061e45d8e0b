// SPDX-License-Identifier: Apache-2.0
// One call at a time through io_uring.
#pragma once

#include <cstddef>

#include <liburing.h>
#include <sys/types.h>

#include "connection.hpp"

namespace meshd::shapes {

class Ring {
public:
    explicit Ring(Connection& connection);
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    static int refusal();  // why this kernel or its administrator gives no ring: an errno, 0 when it does

    // As recv() and send() do, with errno. A kick ends recv() with EINTR, other signals do not.
    ssize_t recv(void* to, std::size_t count);
    ssize_t send(const void* from, std::size_t count);

private:
    ssize_t run();
    void cancel();

    Connection& connection_;
    io_uring ring_{};
};

}  // namespace meshd::shapes
