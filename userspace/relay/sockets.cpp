// SPDX-License-Identifier: Apache-2.0
#include "relay/sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <linux/tcp.h>
#include <netinet/in.h>

namespace meshd::relay {

namespace {

struct SystemAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SystemAddress to_system(const base::SocketAddress& address) {
    SystemAddress system;
    if (address.address.is_v4()) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(system.storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        std::memcpy(&v4.sin_addr, address.address.bytes.data() + 12, 4);
        system.size = sizeof v4;
    } else {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(system.storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        std::memcpy(&v6.sin6_addr, address.address.bytes.data(), 16);
        system.size = sizeof v6;
    }
    return system;
}

void set_option(int fd, int level, int name, int value) { (void)::setsockopt(fd, level, name, &value, sizeof value); }

}  // namespace

base::SocketAddress from_system(const sockaddr_storage& address) {
    base::SocketAddress result;
    auto& bytes = result.address.bytes;
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        bytes[10] = bytes[11] = 0xff;
        std::memcpy(bytes.data() + 12, &v4.sin_addr, 4);
        result.port = ntohs(v4.sin_port);
    } else if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        std::memcpy(bytes.data(), &v6.sin6_addr, 16);
        result.port = ntohs(v6.sin6_port);
    }
    return result;
}

std::optional<base::SocketAddress> local_address(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
    return from_system(address);
}

std::optional<base::SocketAddress> remote_address(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
    return from_system(address);
}

base::UniqueFd start_connect(const base::SocketAddress& target, int priority) {
    const auto system = to_system(target);
    base::UniqueFd fd(::socket(system.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (fd.valid() && priority != 0) set_option(fd.get(), SOL_SOCKET, SO_PRIORITY, priority);
    if (fd.valid() && ::connect(fd.get(), system.get(), system.size) != 0 && errno != EINPROGRESS) {
        const int code = errno;
        fd.reset();
        errno = code;
    }
    return fd;
}

int pending_error(int fd) {
    int code = 0;
    socklen_t size = sizeof code;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno;
}

void send_at_once(int fd) { set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

void set_reset_at_close(int fd, bool is_wanted) {
    const linger value{is_wanted ? 1 : 0, 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

void watch_peer(int fd) {
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 6);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 120'000);
}

std::optional<std::uint64_t> acknowledged_bytes(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    if (size < offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked) return std::nullopt;
    return info.tcpi_bytes_acked;
}

}  // namespace meshd::relay
