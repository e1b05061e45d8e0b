// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include <cerrno>
#include <set>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/session.hpp"
#include "http/sockets.hpp"

namespace meshd::http {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds pause_after_failure{100};

// Of a connection that ended before it was accepted there is nothing to say; the next one may be fine.
bool is_of_one_connection(int error) { return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM; }

}  // namespace

class Server::Listener : public std::enable_shared_from_this<Server::Listener> {
public:
    Listener(asio::io_context& loop, ListeningSocket socket, AsyncHandler handler, const ServerLimits& limits)
        : loop_(loop),
          descriptor_(loop, socket.fd.get()),
          pause_(loop),
          file_(std::move(socket.file)),
          address_(socket.address),
          handler_(std::make_shared<const AsyncHandler>(std::move(handler))),
          limits_(limits) {
        static_cast<void>(socket.fd.release());  // the descriptor owns it now
    }

    void wait() {
        if (waiting_ || sessions_.size() >= limits_.connections || !descriptor_.is_open()) return;
        waiting_ = true;
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                               [weak = weak_from_this()](const boost::system::error_code& error) {
                                   const auto self = weak.lock();
                                   if (!self || error) return;
                                   self->waiting_ = false;
                                   self->accept_all();
                               });
    }

    void close() {
        boost::system::error_code ignored;
        descriptor_.close(ignored);
        pause_.cancel();
        const auto sessions = std::exchange(sessions_, {});
        for (const auto& session : sessions) session->close();
    }

    [[nodiscard]] const base::SocketAddress& address() const { return address_; }
    [[nodiscard]] std::size_t connections() const { return sessions_.size(); }

private:
    void accept_all() {
        while (sessions_.size() < limits_.connections) {
            base::UniqueFd fd(::accept4(descriptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (fd.valid()) {
                begin_session(std::move(fd));
            } else if (errno == EAGAIN) {
                return wait();
            } else if (!is_of_one_connection(errno)) {
                return wait_a_while();
            }
        }
    }

    // Out of descriptors or memory: the connection stays in the queue, and asking at once again would only burn the CPU.
    void wait_a_while() {
        pause_.expires_after(pause_after_failure);
        pause_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
            const auto self = weak.lock();
            if (self && !error) self->wait();
        });
    }

    void begin_session(base::UniqueFd fd) {
        auto peer = peer_of(fd.get());
        const bool is_unix = address_.port == 0;
        const int on = 1;
        if (!is_unix) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const int family = is_unix ? AF_UNIX : (address_.address.is_v4() ? AF_INET : AF_INET6);
        Session::Socket socket(loop_);
        boost::system::error_code error;
        socket.assign(asio::generic::stream_protocol(family, is_unix ? 0 : IPPROTO_TCP), fd.get(), error);
        if (error) return;
        static_cast<void>(fd.release());  // the socket owns it now

        auto on_end = [weak = weak_from_this()](const std::shared_ptr<Session>& ended) {
            const auto self = weak.lock();
            if (!self) return;
            self->sessions_.erase(ended);
            self->wait();
        };
        const auto session =
            *sessions_.insert(std::make_shared<Session>(std::move(socket), std::move(peer), limits_, handler_, std::move(on_end)))
                 .first;
        session->start();
    }

    asio::io_context& loop_;
    asio::posix::stream_descriptor descriptor_;
    asio::steady_timer pause_;
    SocketFile file_;
    base::SocketAddress address_;
    std::shared_ptr<const AsyncHandler> handler_;
    ServerLimits limits_;
    std::set<std::shared_ptr<Session>> sessions_;
    bool waiting_ = false;
};

base::Result<std::unique_ptr<Server>> Server::listen(asio::io_context& loop, const UnixSocket& socket, AsyncHandler handler,
                                                     const ServerLimits& limits) {
    auto listening = listen_on(socket);
    if (!listening) return tl::make_unexpected(listening.error());
    return std::unique_ptr<Server>(
        new Server(std::make_shared<Listener>(loop, std::move(*listening), std::move(handler), limits)));
}

base::Result<std::unique_ptr<Server>> Server::listen(asio::io_context& loop, const base::SocketAddress& address,
                                                     AsyncHandler handler, const ServerLimits& limits) {
    auto listening = listen_on(address);
    if (!listening) return tl::make_unexpected(listening.error());
    return std::unique_ptr<Server>(
        new Server(std::make_shared<Listener>(loop, std::move(*listening), std::move(handler), limits)));
}

base::Result<std::unique_ptr<Server>> Server::serve(asio::io_context& loop, base::UniqueFd listening, AsyncHandler handler,
                                                    const ServerLimits& limits) {
    auto socket = adopt(std::move(listening));
    if (!socket) return tl::make_unexpected(socket.error());
    return std::unique_ptr<Server>(new Server(std::make_shared<Listener>(loop, std::move(*socket), std::move(handler), limits)));
}

Server::Server(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) { listener_->wait(); }

Server::~Server() { listener_->close(); }

const base::SocketAddress& Server::address() const { return listener_->address(); }

std::size_t Server::connections() const { return listener_->connections(); }

}  // namespace meshd::http
