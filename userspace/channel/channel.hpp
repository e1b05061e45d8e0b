// SPDX-License-Identifier: Apache-2.0
// JSON objects in frames over a connected local stream socket: what agent and worker talk through. A frame is a length of four
// bytes, big-endian, and then that many bytes of UTF-8 JSON: one object.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::channel {

inline constexpr std::size_t max_frame = std::size_t{1} << 20;  // bytes of JSON in one frame
inline constexpr std::string_view peer_closed = "the peer closed it";

// Call everything from the thread that runs the io_context. Order: construct, start() once, then send() and close() at will; what
// is sent before start() is queued. Both handlers are called from the io_context only, never from inside send() or close(), and
// never after the Channel is destroyed; a handler may destroy the Channel it was called by.
class Channel {
public:
    using OnMessage = std::function<void(boost::json::object)>;
    using OnClose = std::function<void(base::Error)>;

    // The socket must be a connected SOCK_STREAM socket of AF_UNIX. It becomes non-blocking.
    Channel(boost::asio::io_context& context, base::UniqueFd socket);
    Channel(Channel&&) noexcept;
    Channel& operator=(Channel&&) noexcept;
    ~Channel();  // closes; what is still queued is lost

    // on_close is called once, when the peer closed (the error's detail is peer_closed), the socket failed or a frame was bad;
    // never after close().
    void start(OnMessage on_message, OnClose on_close);

    // Queues one message; it is written at once when the socket takes it. Fails, and sends nothing, when the message is larger
    // than max_frame or the channel is closed.
    base::Result<void> send(const boost::json::object& message);
    // The same for a message that is already text: one JSON object, as split_delta() makes it.
    base::Result<void> send_text(std::string_view message);

    void close();
    [[nodiscard]] bool is_open() const;
    // Blocks until the peer has closed its end (true), or for that time. Nobody is called.
    [[nodiscard]] bool wait_closed(std::chrono::milliseconds timeout) const;
    // Bytes that were sent but that the socket has not taken yet. Nothing bounds them but the sender's own restraint.
    [[nodiscard]] std::size_t queued_bytes() const;

private:
    class Connection;
    std::shared_ptr<Connection> connection_;
};

}  // namespace meshd::channel
