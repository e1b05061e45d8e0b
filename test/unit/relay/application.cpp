// SPDX-License-Identifier: Apache-2.0
#include "application.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "relay/sockets.hpp"

namespace meshd::relay {

namespace {

constexpr int patience_s = 10;

void require(bool holds, const char* what) {
    if (!holds) throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_in to_v4(const base::SocketAddress& address) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.address.bytes.data() + 12, 4);
    return v4;
}

}  // namespace

Application::Application(base::UniqueFd fd) : fd_(std::move(fd)) {
    const timeval patience{patience_s, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    send_at_once(fd_.get());
}

Application Application::connect(const base::SocketAddress& target) {
    base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = to_v4(target);
    require(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
    return Application(std::move(fd));
}

void Application::say(std::string_view bytes) const {
    while (!bytes.empty()) {
        const auto size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        require(size > 0, "send");
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
}

std::string Application::hear(std::size_t size) const {
    std::string heard(size, '\0');
    const auto got = ::recv(fd_.get(), heard.data(), size, MSG_WAITALL);
    heard.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return heard;
}

Application::End Application::hear_end() const {
    std::array<char, 65536> dropped{};
    for (;;) {
        const auto got = ::recv(fd_.get(), dropped.data(), dropped.size(), 0);
        if (got == 0) return End::fin;
        if (got < 0) return errno == ECONNRESET ? End::reset : End::none;
    }
}

bool Application::has_failed() const {
    pollfd state{fd_.get(), 0, 0};
    return ::poll(&state, 1, 0) == 1 && (state.revents & POLLERR) != 0;
}

void Application::finish() const { ::shutdown(fd_.get(), SHUT_WR); }

void Application::reset() {
    set_reset_at_close(fd_.get(), true);
    fd_.reset();
}

TestListener::TestListener(const char* address, bool reuses_port, std::uint16_t port)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int one = 1;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (reuses_port) ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    const auto at = to_v4({*base::IpAddress::parse(address), port});
    require(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "bind");
    require(::listen(fd_.get(), 1024) == 0, "listen");
}

base::SocketAddress TestListener::address() const { return local_address(fd_.get()).value(); }

bool TestListener::has_waiting(int timeout_ms) const {
    pollfd waiting{fd_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, timeout_ms) == 1;
}

Application TestListener::accept() const {
    require(has_waiting(patience_s * 1000), "poll");
    return Application(base::UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
}

}  // namespace meshd::relay
