// SPDX-License-Identifier: Apache-2.0
#include "acceleration/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/wait_for.hpp"

namespace meshd::acceleration {

bool wait_readable(int fd, std::chrono::milliseconds time) { return base::wait_for(fd, POLLIN, time); }

// No two places near each other look the same: neighbours by the low bits, distant ones by the mixed high bits.
std::string stream_bytes(std::uint64_t position, std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        const std::uint64_t at = position + i;
        bytes[i] = static_cast<char>(at ^ (at >> 8U) * 151 ^ (at >> 16U) * 29);
    }
    return bytes;
}

ssize_t Way::send(std::size_t size, int flags) {
    const auto bytes = stream_bytes(sent_, size);
    const auto taken = ::send(from_, bytes.data(), bytes.size(), flags | MSG_NOSIGNAL);
    if (taken > 0) sent_ += static_cast<std::uint64_t>(taken);
    return taken;
}

std::uint64_t Way::send_until_full(std::size_t size, std::uint64_t most) {
    const auto before = sent_;
    while (sent_ - before < most && send(size) == static_cast<ssize_t>(size)) continue;
    return sent_ - before;
}

bool Way::note_received(std::string_view bytes) {
    intact_ = intact_ && bytes == stream_bytes(received_, bytes.size());
    received_ += bytes.size();
    return intact_;
}

ssize_t Way::receive(std::size_t most, int flags) {
    std::string buffer(most, '\0');
    const auto got = ::recv(to_, buffer.data(), buffer.size(), flags);
    if (got > 0) note_received({buffer.data(), static_cast<std::size_t>(got)});
    return got;
}

std::uint64_t Way::receive_whole(std::uint64_t size) {
    constexpr std::uint64_t at_once = 65536;
    const auto before = received_;
    while (received_ - before < size) {
        const auto got = receive(std::min(at_once, size - (received_ - before)));
        if (got == 0 || (got < 0 && (errno != EAGAIN || !wait_readable(to_)))) break;
    }
    return received_ - before;
}

bool Way::receive_rest() {
    receive_whole(sent_ - received_);
    return intact_ && received_ == sent_;
}

std::string Way::text() const {
    return std::to_string(received_) + " of " + std::to_string(sent_) + " bytes" + (intact_ ? " in order" : ", not in order");
}

namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

Address loopback(int family) {
    Address address;
    if (family == AF_INET6) {
        auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
        v6->sin6_family = AF_INET6;
        v6->sin6_addr = in6addr_loopback;
        address.size = sizeof *v6;
    } else {
        auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
        v4->sin_family = AF_INET;
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.size = sizeof *v4;
    }
    return address;
}

void set_no_delay(int fd) {
    const int one = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

}  // namespace

base::Result<Connection> Connection::open(int family) {
    auto address = loopback(family);
    auto* const name = reinterpret_cast<sockaddr*>(&address.storage);
    const base::UniqueFd listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener.valid() || ::bind(listener.get(), name, address.size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), name, &address.size) != 0)
        return base::fail_errno("listen on", family == AF_INET6 ? "::1" : "127.0.0.1");
    base::UniqueFd client(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!client.valid() || (::connect(client.get(), name, address.size) != 0 && errno != EINPROGRESS))
        return base::fail_errno("connect to", "a listener on loopback");
    if (!wait_readable(listener.get())) return base::fail({"connect to", "a listener on loopback", ETIMEDOUT, {}, {}});
    base::UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!server.valid()) return base::fail_errno("accept", "a connection on loopback");
    set_no_delay(client.get());
    set_no_delay(server.get());
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (::getsockopt(client.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0)
        return base::fail_errno("ask for", "a socket's cookie");
    return Connection(std::move(client), std::move(server), cookie);
}

}  // namespace meshd::acceleration
