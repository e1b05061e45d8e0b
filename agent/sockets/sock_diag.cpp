// SPDX-License-Identifier: Apache-2.0
#include "sockets/sock_diag.hpp"

#include <array>
#include <cerrno>

#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace meshd::sockets {

namespace {

// Those that an application may still read from or write to.
constexpr std::uint32_t tcp_states =
    1U << TCP_ESTABLISHED | 1U << TCP_SYN_SENT | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT;
constexpr std::uint32_t udp_states = 1U << TCP_ESTABLISHED;  // connected

}  // namespace

base::Result<SockDiag> SockDiag::open() {
    base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!fd.valid()) return base::fail_errno("open", "a socket for sock_diag");
    // The kernel answers at once, or something is very wrong.
    const timeval patience{10, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return SockDiag(std::move(fd));
}

base::Result<int> SockDiag::ask(const std::vector<std::byte>& request, const char* what,
                                const std::function<void(const DiagSocket&)>& visit) const {
    if (::send(fd_.get(), request.data(), request.size(), 0) < 0) return base::fail_errno(what, "sock_diag");
    for (alignas(nlmsghdr) std::array<std::byte, 65536> answer{};;) {
        const auto length = ::recv(fd_.get(), answer.data(), answer.size(), MSG_TRUNC);
        if (length < 0) return base::fail_errno(what, "sock_diag");
        if (static_cast<std::size_t>(length) > answer.size()) return base::fail({what, "sock_diag", EMSGSIZE, {}, {}});
        const auto answered = read_answer(std::span(answer).first(static_cast<std::size_t>(length)), visit);
        if (answered.ended) return answered.error;
    }
}

base::Result<void> SockDiag::list(std::uint8_t family, std::uint8_t protocol, std::optional<int> storage_fd,
                                  const std::function<void(const DiagSocket&)>& visit) const {
    constexpr auto what = "list sockets by";
    const auto states = protocol == IPPROTO_TCP ? tcp_states : udp_states;
    const auto error = ask(list_request(family, protocol, states, storage_fd), what, visit);
    if (!error) return tl::make_unexpected(error.error());
    if (*error != 0) return base::fail({what, "sock_diag", *error, {}, {}});
    return {};
}

base::Result<bool> SockDiag::destroy(std::uint8_t family, std::uint8_t protocol, const inet_diag_sockid& id) const {
    constexpr auto what = "close a socket by";
    const auto error = ask(destroy_request(family, protocol, id), what, [](const DiagSocket&) {});
    if (!error) return tl::make_unexpected(error.error());
    if (*error == ENOENT) return false;
    if (*error != 0) return base::fail({what, "sock_diag", *error, {}, {}});
    return true;
}

}  // namespace meshd::sockets
