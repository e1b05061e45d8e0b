// SPDX-License-Identifier: Apache-2.0
#include "peer.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include "arguments.hpp"

namespace meshd::bench {

namespace {

constexpr std::string_view unix_prefix = "unix:";

RawAddress parse_target(std::string_view text) {
    if (!text.starts_with(unix_prefix)) return to_raw(parse_endpoint(text));
    text.remove_prefix(unix_prefix.size());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (text.empty() || text.size() >= sizeof address.sun_path)
        throw std::invalid_argument("not a path of a socket: \"" + std::string(text) + '"');
    std::memcpy(address.sun_path, text.data(), text.size());
    RawAddress raw;
    std::memcpy(&raw.storage, &address, sizeof address);
    raw.length = sizeof address;
    return raw;
}

bool set(Peer& peer, std::string_view key, std::string_view value) {
    if (key == "name")
        peer.name = value;
    else if (key == "to")
        peer.to = parse_target(value);
    else if (key == "listen")
        peer.listen = parse_target(value);
    else if (key == "cgroup")
        peer.cgroup = value;
    else if (key == "congestion")
        peer.congestion = value;
    else
        return false;
    return true;
}

base::UniqueFd stream_socket(const RawAddress& address) {
    base::UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) throw_errno("socket");
    return fd;
}

void send_at_once(int fd, const RawAddress& address) {
    if (address.family() == AF_UNIX) return;
    const int one = 1;
    if (::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) throw_errno("set TCP_NODELAY");
}

base::UniqueFd listen_at(const RawAddress& address) {
    auto fd = stream_socket(address);
    const int one = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        ::bind(fd.get(), address.get(), address.length) != 0 || ::listen(fd.get(), 16) != 0)
        throw_errno("listen");
    return fd;
}

}  // namespace

Peer parse_peer(std::string_view text) {
    Peer peer;
    parse_parts(text, [&](std::string_view key, std::string_view value) { return set(peer, key, value); });
    if (peer.name.empty() || peer.to.length == 0) throw std::invalid_argument("a peer needs name= and to=");
    return peer;
}

base::UniqueFd connect_to(const Peer& peer) {
    enter_cgroup(peer.cgroup);
    auto fd = stream_socket(peer.to);
    send_at_once(fd.get(), peer.to);
    if (!peer.congestion.empty() && ::setsockopt(fd.get(), IPPROTO_TCP, TCP_CONGESTION, peer.congestion.data(),
                                                 static_cast<socklen_t>(peer.congestion.size())) != 0)
        throw_errno("use congestion control " + peer.congestion);
    if (::connect(fd.get(), peer.to.get(), peer.to.length) != 0) throw_errno("connect (" + peer.name + ")");
    return fd;
}

Child serve_alone(const Peer& peer, int cpu, const std::function<void(int fd)>& serve) {
    // The parent makes the listener, so that it is there when the child's first client comes.
    enter_cgroup(peer.cgroup);
    auto listener = listen_at(*peer.listen);
    return Child([&] {
        pin_to(cpu);
        for (;;) {
            const base::UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!fd.valid()) throw_errno("accept");
            send_at_once(fd.get(), *peer.listen);
            serve(fd.get());
        }
    });
}

bool receive_all(int fd, void* bytes, std::size_t size) {
    auto* at = static_cast<unsigned char*>(bytes);
    while (size > 0) {
        const auto got = ::recv(fd, at, size, 0);
        // EAGAIN also from a blocking socket, on the short way: docs/acceleration.md.
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) throw_errno("recv");
        if (got == 0) return false;
        at += got;
        size -= static_cast<std::size_t>(got);
    }
    return true;
}

void send_all(int fd, const void* bytes, std::size_t size) {
    const auto* at = static_cast<const unsigned char*>(bytes);
    while (size > 0) {
        const auto sent = ::send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) throw_errno("send");
        at += sent;
        size -= static_cast<std::size_t>(sent);
    }
}

std::vector<Peer> parse_peers(int argc, char** argv, const std::function<bool(std::string_view, std::string_view)>& set) {
    std::vector<Peer> peers;
    parse_arguments({argv + 1, static_cast<std::size_t>(argc - 1)}, set,
                    [&](std::string_view operand) { peers.push_back(parse_peer(operand)); });
    if (peers.empty()) throw std::invalid_argument("nothing to measure: give at least one peer");
    return peers;
}

}  // namespace meshd::bench
