// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server on the caller's loop: small, bounded, and indifferent to what its clients send.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <sys/stat.h>
#include <boost/asio/io_context.hpp>

#include "base/address.hpp"
#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "http/message.hpp"

namespace meshd::http {

struct ServerLimits {
    std::size_t header_bytes = std::size_t{16} * 1024;
    std::uint64_t body_bytes = std::uint64_t{64} * 1024 * 1024;
    std::chrono::milliseconds read_timeout{10000};   // for a whole request, and for the wait between two of them
    std::chrono::milliseconds write_timeout{10000};  // without progress
    std::size_t connections = 64;                    // the next ones wait in the kernel's queue
};

struct UnixSocket {
    std::string path;
    mode_t mode = 0660;
    std::optional<uid_t> owner;
    std::optional<gid_t> group;
};

// Runs on the thread of the loop, as the handler does; make and destroy it there or while the loop does not run. Malformed
// requests are answered with 400, too large ones with 413 or 431, a handler that throws with 500; none of them reaches the
// handler or ends the server.
class Server {
public:
    // A socket file that is already there is replaced: the caller holds the lock that says nobody serves it. Any other kind of
    // file is an error. The file is removed when the server ends, unless somebody else has replaced it.
    static base::Result<std::unique_ptr<Server>> listen(boost::asio::io_context& loop, const UnixSocket& socket,
                                                        AsyncHandler handler, const ServerLimits& limits = {});
    static base::Result<std::unique_ptr<Server>> listen(boost::asio::io_context& loop, const base::SocketAddress& address,
                                                        AsyncHandler handler, const ServerLimits& limits = {});

    // One that listens already, for TCP, and does not block.
    static base::Result<std::unique_ptr<Server>> serve(boost::asio::io_context& loop, base::UniqueFd listening,
                                                       AsyncHandler handler, const ServerLimits& limits = {});

    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    // Closes the listener and every connection at once.
    ~Server();

    // The address that was bound, with its real port; all zero for a unix socket.
    [[nodiscard]] const base::SocketAddress& address() const;
    [[nodiscard]] std::size_t connections() const;

private:
    class Listener;
    explicit Server(std::shared_ptr<Listener> listener);
    std::shared_ptr<Listener> listener_;
};

}  // namespace meshd::http
