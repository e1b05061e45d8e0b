// SPDX-License-Identifier: Apache-2.0
#include "sockets.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace meshd::bench {

RawAddress to_raw(const base::SocketAddress& address) {
    RawAddress raw;
    if (address.address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        std::memcpy(&v4.sin_addr, address.address.bytes.data() + 12, 4);  // the mapped form ends with the IPv4 address
        std::memcpy(&raw.storage, &v4, sizeof v4);
        raw.length = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        std::memcpy(&v6.sin6_addr, address.address.bytes.data(), 16);
        std::memcpy(&raw.storage, &v6, sizeof v6);
        raw.length = sizeof v6;
    }
    return raw;
}

base::SocketAddress parse_endpoint(std::string_view text) {
    const auto address = base::SocketAddress::parse(text);
    if (!address) throw std::invalid_argument("expected ADDRESS:PORT, found \"" + std::string(text) + '"');
    return *address;
}

void throw_errno(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

base::UniqueFd listen_on(const base::SocketAddress& address) {
    const auto raw = to_raw(address);
    base::UniqueFd fd(::socket(raw.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int one = 1;
    if (!fd.valid() || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        ::bind(fd.get(), raw.get(), raw.length) != 0 || ::listen(fd.get(), 4096) != 0)
        throw_errno("listen on " + address.text());
    return fd;
}

void reset_on_close(int fd) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    if (::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) != 0) throw_errno("set SO_LINGER");
}

}  // namespace meshd::bench
