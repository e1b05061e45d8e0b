// SPDX-License-Identifier: Apache-2.0
#include "base/loopback_pair.hpp"

#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace meshd::base {

namespace {

using NameOf = int(int, sockaddr*, socklen_t*);

bool name_of(NameOf* which, const UniqueFd& fd, sockaddr_in& name) {
    socklen_t size = sizeof name;
    return which(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0;
}

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> loopback_pair() {
    const auto failed = [] { return fail_errno("make", "a connection over loopback"); };
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener.valid() || ::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 ||
        ::listen(listener.get(), 1) != 0)
        return failed();
    UniqueFd one(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!one.valid() || !name_of(::getsockname, listener, any) ||
        ::connect(one.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0)
        return failed();
    UniqueFd other(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    sockaddr_in here{}, there{};
    if (!other.valid() || ::fcntl(one.get(), F_SETFL, O_NONBLOCK) != 0 || !name_of(::getsockname, one, here) ||
        !name_of(::getpeername, other, there))
        return failed();
    // Anybody on this host could have been first.
    if (here.sin_port != there.sin_port || here.sin_addr.s_addr != there.sin_addr.s_addr)
        return fail({"make", "a connection over loopback", 0, "another process came between", "try again"});
    return std::pair(std::move(one), std::move(other));
}

}  // namespace meshd::base
