// SPDX-License-Identifier: Apache-2.0
// Two sockets of one TCP connection, both ours, and the bytes between them: each byte tells its place in the stream, so that one
// that is lost, doubled or out of order is seen.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::acceleration {

// How long anything that ought to happen at once is waited for.
inline constexpr std::chrono::milliseconds patience{250};

bool wait_readable(int fd, std::chrono::milliseconds time = patience);

// Bytes of a stream from `position` on.
std::string stream_bytes(std::uint64_t position, std::size_t size);

// One direction. Sockets are non-blocking; nothing here waits longer than `patience`.
class Way {
public:
    Way(int from, int to) : from_(from), to_(to) {}

    [[nodiscard]] int from() const { return from_; }
    [[nodiscard]] int to() const { return to_; }

    // One system call. What send() returns; errno is its.
    ssize_t send(std::size_t size, int flags = 0);
    // Whole messages of `size` until one is not taken whole. Bytes taken.
    std::uint64_t send_until_full(std::size_t size, std::uint64_t most);
    // One system call. What recv() returns.
    ssize_t receive(std::size_t most, int flags = 0);
    // Until `size` bytes have come, or nothing comes any more. Bytes received.
    std::uint64_t receive_whole(std::uint64_t size);
    // Until all that was sent has come, in order.
    bool receive_rest();
    // Bytes that were sent or received otherwise, such as by splice().
    void note_sent(std::size_t size) { sent_ += size; }
    bool note_received(std::string_view bytes);

    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    [[nodiscard]] bool intact() const { return intact_; }  // all that was received is in order
    // "1000 of 1000 bytes in order"
    [[nodiscard]] std::string text() const;

private:
    int from_, to_;
    std::uint64_t sent_ = 0, received_ = 0;
    bool intact_ = true;
};

class Connection {
public:
    // Over the loopback interface; `family` is AF_INET or AF_INET6.
    static base::Result<Connection> open(int family);

    [[nodiscard]] int client() const { return client_.get(); }
    [[nodiscard]] int server() const { return server_.get(); }
    [[nodiscard]] std::uint64_t client_cookie() const { return cookie_; }
    Way& to_server() { return to_server_; }
    Way& to_client() { return to_client_; }
    void close_client() { client_.reset(); }
    void close_server() { server_.reset(); }

private:
    Connection(base::UniqueFd client, base::UniqueFd server, std::uint64_t cookie)
        : client_(std::move(client)), server_(std::move(server)), cookie_(cookie) {}

    base::UniqueFd client_, server_;
    std::uint64_t cookie_;
    Way to_server_{client_.get(), server_.get()};
    Way to_client_{server_.get(), client_.get()};
};

}  // namespace meshd::acceleration
