// SPDX-License-Identifier: Apache-2.0
#include "http/sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace meshd::http {

namespace {

base::Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return base::fail(
            {"use the socket path", "'" + path + "'", ENAMETOOLONG, "a path has 1 to 107 bytes", "choose a shorter one"});
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

// The address in the form of the kernel, and how many bytes of it count.
socklen_t tcp_address(const base::SocketAddress& address, sockaddr_storage& storage) {
    storage = {};
    if (address.address.is_v4()) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        std::memcpy(&v4.sin_addr, address.address.bytes.data() + 12, 4);
        return sizeof v4;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, address.address.bytes.data(), 16);
    return sizeof v6;
}

base::Result<base::SocketAddress> bound_address(int fd, const std::string& text) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return base::fail_errno("read the address of", text);
    base::SocketAddress bound;
    if (storage.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
        bound.address.bytes[10] = bound.address.bytes[11] = 0xff;
        std::memcpy(bound.address.bytes.data() + 12, &v4.sin_addr, 4);
        bound.port = ntohs(v4.sin_port);
    } else {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
        std::memcpy(bound.address.bytes.data(), &v6.sin6_addr, 16);
        bound.port = ntohs(v6.sin6_port);
    }
    return bound;
}

base::Result<void> remove_stale_socket(const std::string& path) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return {};
        return base::fail_errno("look at", path);
    }
    if (!S_ISSOCK(found.st_mode))
        return base::fail(
            {"listen on", path, EEXIST, "something that is no socket stands there", "remove it or choose another path"});
    if (::unlink(path.c_str()) != 0) return base::fail_errno("replace", path);
    return {};
}

}  // namespace

SocketFile::~SocketFile() {
    if (path_.empty()) return;
    struct stat found {};
    if (::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) ::unlink(path_.c_str());
}

base::Result<ListeningSocket> listen_on(const UnixSocket& socket) {
    const auto address = unix_address(socket.path);
    if (!address) return tl::make_unexpected(address.error());
    if (auto removed = remove_stale_socket(socket.path); !removed) return tl::make_unexpected(removed.error());
    base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return base::fail_errno("make a socket for", socket.path);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return base::fail_errno("bind", socket.path);

    struct stat made {};
    if (::lstat(socket.path.c_str(), &made) != 0) return base::fail_errno("look at", socket.path);
    SocketFile file(socket.path, made.st_dev, made.st_ino);
    // Until listen() nobody can connect, so the file's first mode, which the umask decides, lets nobody in.
    if ((socket.owner || socket.group) && ::lchown(socket.path.c_str(), socket.owner.value_or(static_cast<uid_t>(-1)),
                                                   socket.group.value_or(static_cast<gid_t>(-1))) != 0)
        return base::fail_errno("give away", socket.path);
    if (::chmod(socket.path.c_str(), socket.mode) != 0) return base::fail_errno("set the mode of", socket.path);
    if (::listen(fd.get(), SOMAXCONN) != 0) return base::fail_errno("listen on", socket.path);
    return ListeningSocket{std::move(fd), std::move(file), {}};
}

base::Result<ListeningSocket> listen_on(const base::SocketAddress& address) {
    const auto text = address.text();
    sockaddr_storage storage{};
    const auto size = tcp_address(address, storage);
    base::UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return base::fail_errno("make a socket for", text);
    const int on = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return base::fail_errno("set SO_REUSEADDR on", text);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0)
        return base::fail_errno("listen on", text, "choose an address of this host and a port that is free");
    if (::listen(fd.get(), SOMAXCONN) != 0) return base::fail_errno("listen on", text);
    const auto bound = bound_address(fd.get(), text);
    if (!bound) return tl::make_unexpected(bound.error());
    return ListeningSocket{std::move(fd), {}, {address.address, bound->port}};
}

base::Result<ListeningSocket> adopt(base::UniqueFd listening) {
    const auto bound = bound_address(listening.get(), "a socket that was handed over");
    if (!bound) return tl::make_unexpected(bound.error());
    return ListeningSocket{std::move(listening), {}, *bound};
}

std::optional<Peer> peer_of(int fd) {
    // Every socket answers SO_PEERCRED; only a unix socket answers it truly.
    int domain = 0;
    socklen_t domain_size = sizeof domain;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) != 0 || domain != AF_UNIX) return std::nullopt;
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
    Peer peer{credentials.pid, credentials.uid, credentials.gid, {}};

    peer.groups.resize(64);
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto bytes = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
        const int result = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &bytes);
        if (result != 0 && errno != ERANGE) bytes = 0;
        // With ERANGE the kernel has said how much room it wants.
        peer.groups.resize(bytes / sizeof(gid_t));
        if (result == 0 || bytes == 0) break;
    }
    return peer;
}

base::Result<base::UniqueFd> connect_to(const std::string& path, std::chrono::milliseconds timeout) {
    const auto address = unix_address(path);
    if (!address) return tl::make_unexpected(address.error());
    base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return base::fail_errno("make a socket for", path);
    // A full queue makes connect() wait; SO_SNDTIMEO bounds that, and it then fails with EAGAIN.
    const timeval wait{static_cast<time_t>(timeout.count() / 1000), static_cast<suseconds_t>(timeout.count() % 1000 * 1000)};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0)
        return base::fail_errno("set a timeout on", path);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
        if (errno == EAGAIN) errno = ETIMEDOUT;
        return base::fail_errno("connect to", path);
    }
    return fd;
}

}  // namespace meshd::http
