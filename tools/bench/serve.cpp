// SPDX-License-Identifier: Apache-2.0
#include "serve.hpp"

#include <cerrno>
#include <memory>
#include <unordered_map>
#include <vector>

#include <sys/socket.h>

#include "epoll.hpp"

namespace meshd::bench {

namespace {

constexpr std::size_t buffer_size = 65536;

struct Connection {
    base::UniqueFd fd;
    std::vector<unsigned char> pending;  // read and not yet sent back; nothing more is read before it is empty
};

enum class Progress { goes_on, ended };

Progress flush(Connection& connection) {
    while (!connection.pending.empty()) {
        const auto sent = ::send(connection.fd.get(), connection.pending.data(), connection.pending.size(), MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN ? Progress::goes_on : Progress::ended;
        connection.pending.erase(connection.pending.begin(), connection.pending.begin() + sent);
    }
    return Progress::goes_on;
}

Progress echo(Connection& connection) {
    if (flush(connection) == Progress::ended) return Progress::ended;
    while (connection.pending.empty()) {
        connection.pending.resize(buffer_size);
        const auto got = ::recv(connection.fd.get(), connection.pending.data(), buffer_size, 0);
        connection.pending.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) return Progress::ended;
        if (got < 0) return Progress::goes_on;
        if (flush(connection) == Progress::ended) return Progress::ended;
    }
    return Progress::goes_on;
}

}  // namespace

void serve(const base::SocketAddress& address, const std::atomic<bool>& stop) {
    Epoll epoll;
    const auto listener = listen_on(address);
    epoll.add(listener.get(), EPOLLIN, nullptr);
    std::unordered_map<Connection*, std::unique_ptr<Connection>> connections;
    while (!stop) {
        for (const auto& event : epoll.wait(200)) {
            auto* const connection = static_cast<Connection*>(event.data.ptr);
            if (connection == nullptr) {
                base::UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
                if (!fd.valid()) continue;
                auto fresh = std::make_unique<Connection>(Connection{.fd = std::move(fd), .pending = {}});
                epoll.add(fresh->fd.get(), EPOLLIN, fresh.get());
                connections.emplace(fresh.get(), std::move(fresh));
            } else if (echo(*connection) == Progress::ended) {
                connections.erase(connection);  // closing the descriptor takes it out of the epoll set
            } else {
                epoll.change(connection->fd.get(), connection->pending.empty() ? EPOLLIN : EPOLLOUT, connection);
            }
        }
    }
}

}  // namespace meshd::bench
