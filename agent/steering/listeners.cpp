// SPDX-License-Identifier: Apache-2.0
#include "steering/listeners.hpp"

#include <cerrno>
#include <cstring>
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

// [::] takes IPv4 as well.
bool bind_v6(int socket, const base::SocketAddress& to) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(to.port);
    std::memcpy(&address.sin6_addr, to.address.bytes.data(), sizeof address.sin6_addr);
    return set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0) &&
           ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool bind_v4(int socket, const base::SocketAddress& to) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    if (to.address.is_v4()) std::memcpy(&address.sin_addr, to.address.bytes.data() + 12, sizeof address.sin_addr);
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool is_everywhere(const base::IpAddress& address) { return address == base::IpAddress{}; }

base::Result<base::UniqueFd> listener(const base::SocketAddress& to, std::string_view where) {
    constexpr int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    base::UniqueFd socket(::socket(to.address.is_v4() ? AF_INET : AF_INET6, type, 0));
    const bool is_v6 = socket.valid() && !to.address.is_v4();
    if (!socket.valid() && is_everywhere(to.address)) socket = base::UniqueFd(::socket(AF_INET, type, 0));
    const bool listens = socket.valid() && set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1) &&
                         set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1) &&
                         (is_v6 ? bind_v6(socket.get(), to) : bind_v4(socket.get(), to)) && ::listen(socket.get(), backlog) == 0;
    if (listens) return socket;
    std::string remedy;
    if (errno == EADDRINUSE)
        remedy = "end the program that has it (ss -ltnp), or set another port in `" + std::string(where) + "`";
    if (errno == EADDRNOTAVAIL) remedy = "give this host the address, or set another one in `" + std::string(where) + "`";
    return base::fail_errno("listen on", is_everywhere(to.address) ? "port " + std::to_string(to.port) : to.text(), remedy);
}

}  // namespace

base::Result<ListenersPtr> listen_at(const base::SocketAddress& address, unsigned count, std::string_view where) {
    auto all = std::make_shared<Listeners>();
    all->port = address.port;
    for (unsigned index = 0; index < count; ++index) {
        auto socket = listener(address, where);
        if (!socket) return tl::make_unexpected(socket.error());
        all->sockets.push_back(std::move(*socket));
    }
    return all;
}

bool listens_at(int socket, const base::SocketAddress& address) {
    int accepts = 0;
    int type = 0;
    socklen_t size = sizeof accepts;
    if (::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) != 0 || accepts == 0) return false;
    size = sizeof type;
    if (::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return false;
    sockaddr_storage storage{};
    size = sizeof storage;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return false;
    base::SocketAddress own;
    if (storage.ss_family == AF_INET6) {
        const auto& found = reinterpret_cast<const sockaddr_in6&>(storage);
        std::memcpy(own.address.bytes.data(), &found.sin6_addr, own.address.bytes.size());
        own.port = ntohs(found.sin6_port);
    } else if (storage.ss_family == AF_INET) {
        const auto& found = reinterpret_cast<const sockaddr_in&>(storage);
        own.port = ntohs(found.sin_port);
        if (found.sin_addr.s_addr != INADDR_ANY || !is_everywhere(address.address)) {
            own.address.bytes[10] = own.address.bytes[11] = 0xff;
            std::memcpy(own.address.bytes.data() + 12, &found.sin_addr, sizeof found.sin_addr);
        }
    }
    return own == address;
}

}  // namespace meshd::steering
