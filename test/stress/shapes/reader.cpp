// SPDX-License-Identifier: Apache-2.0
#include "reader.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "bench/sockets.hpp"

namespace meshd::shapes {

Reader::Reader(Connection& connection)
    : connection_(connection),
      content_(connection.incoming().content()),
      readiness_(connection, EPOLLIN),
      take_(connection, content_),
      room_(connection.seat().chunk),
      pauses_left_(connection.seat().pauses) {}

void Reader::keep_pace() {
    if (!has_begun_ && connection_.seat().late_ms > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(connection_.seat().late_ms));
    has_begun_ = true;
    if (pauses_left_ == 0) return;
    --pauses_left_;
    std::this_thread::sleep_for(std::chrono::milliseconds(1 + pauses_left_ % 4));
}

// More than the sender will send before it waits for us would be a deadlock of our own making.
void Reader::set_low_water(std::uint64_t expected) {
    const std::uint64_t wanted = std::min<std::uint64_t>(connection_.seat().low_water, std::max<std::uint64_t>(expected, 1));
    if (connection_.seat().low_water != 0 && wanted != connection_.low_water())
        connection_.set_low_water(static_cast<int>(wanted));
}

ssize_t Reader::next(std::size_t limit) {
    keep_pace();
    const auto room = std::span(room_).first(std::min(limit, room_.size()));
    while (!connection_.given_up()) {
        std::optional<Connection::Waiting> waiting(connection_);
        readiness_.wait();
        const auto got = take_(room, position_);
        const int code = errno;
        waiting.reset();
        if (got >= 0) {
            if (got > 0) readiness_.took(static_cast<std::size_t>(got), room.size());
            return got;
        }
        if (code == EAGAIN) {
            readiness_.dry();
        } else if (code != EINTR) {
            errno = code;
            return -1;
        }
    }
    errno = ETIMEDOUT;
    return -1;
}

bool Reader::read(std::uint64_t count) {
    while (count > 0) {
        set_low_water(count);
        const auto got = next(count);
        if (got <= 0) {
            connection_.ended_early("reading", got == 0 ? 0 : errno, position_);
            return false;
        }
        const auto bytes = std::span(room_).first(static_cast<std::size_t>(got));
        const auto right = content_.matches(bytes, position_);
        if (right != bytes.size()) {
            connection_.wrong("read a wrong byte", position_ + right);
            return false;
        }
        position_ += bytes.size();
        count -= bytes.size();
        connection_.slot().read_bytes[index(other(connection_.side()))] = position_;
    }
    return true;
}

void Reader::read_end() {
    set_low_water(1);
    const auto got = next(room_.size());
    if (got > 0) connection_.wrong("read " + std::to_string(got) + " bytes after the end", position_);
    if (got < 0) connection_.ended_early("reading the end", errno, position_);
}

}  // namespace meshd::shapes
