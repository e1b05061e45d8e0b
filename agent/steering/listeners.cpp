// SPDX-License-Identifier: Apache-2.0
#include "steering/listeners.hpp"

#include <cerrno>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace meshd::steering {

namespace {

constexpr int backlog = 4096;  // the kernel's own bound, net.core.somaxconn, is usually this

bool set_option(int socket, int level, int option, int value) {
    return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

// At [::], which takes IPv4 as well.
bool bind_both(int socket, std::uint16_t port) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    return set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0) &&
           ::bind(socket, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
}

bool bind_v4(int socket, std::uint16_t port) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(port);
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
}

base::Result<base::UniqueFd> listener(std::uint16_t port) {
    constexpr int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    base::UniqueFd socket(::socket(AF_INET6, type, 0));
    const bool has_v6 = socket.valid();
    if (!has_v6) socket = base::UniqueFd(::socket(AF_INET, type, 0));
    const bool listens = socket.valid() && set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1) &&
                         set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1) &&
                         (has_v6 ? bind_both(socket.get(), port) : bind_v4(socket.get(), port)) &&
                         ::listen(socket.get(), backlog) == 0;
    if (!listens)
        return base::fail_errno(
            "listen on", "port " + std::to_string(port),
            errno == EADDRINUSE ? "end the program that has it (ss -ltnp), or set another port in `tls`" : "");
    return socket;
}

}  // namespace

base::Result<ListenersPtr> listen_on(std::uint16_t port, unsigned count) {
    auto all = std::make_shared<Listeners>();
    all->port = port;
    for (unsigned index = 0; index < count; ++index) {
        auto socket = listener(port);
        if (!socket) return tl::make_unexpected(socket.error());
        all->sockets.push_back(std::move(*socket));
    }
    return all;
}

}  // namespace meshd::steering
