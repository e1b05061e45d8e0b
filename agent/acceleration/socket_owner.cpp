// SPDX-License-Identifier: Apache-2.0
#include "acceleration/socket_owner.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <linux/bpf.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace meshd::acceleration {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_known = 64;

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "socket:[4711]"
std::optional<std::uint64_t> socket_inode(std::string_view link) {
    constexpr std::string_view prefix = "socket:[";
    if (!link.starts_with(prefix) || !link.ends_with(']')) return std::nullopt;
    return number_of<std::uint64_t>(link.substr(prefix.size(), link.size() - prefix.size() - 1));
}

bool tcp_is_done(int socket) {
    std::uint8_t state = 0;  // tcp_info begins with it
    socklen_t size = sizeof state;
    return ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &state, &size) == 0 && state == BPF_TCP_CLOSE;
}

// Setting SO_RCVLOWAT, to what it is, makes TCP look whether there is enough to read and say so (tcp_set_rcvlowat()). It does not
// look for a reset. Where TCP is done, shutdown() changes nothing and wakes all who wait (inet_shutdown()).
bool announce(int socket) {
    if (tcp_is_done(socket)) return ::shutdown(socket, SHUT_RD) == 0 || errno == ENOTCONN;
    int mark = 1;
    socklen_t size = sizeof mark;
    if (::getsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &mark, &size) != 0) return false;
    return ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark) == 0;
}

// A low-water mark that does not fit makes TCP grow the buffer to twice the mark, and nothing makes it shrink again. The mark is
// there for a moment only, in which a reader finds bytes of the short way without asking for it.
bool grow(int socket, std::uint32_t bytes) {
    int mark = 1;
    socklen_t size = sizeof mark;
    const int high = static_cast<int>(bytes / 2);
    if (::getsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &mark, &size) != 0) return false;
    const bool grown = ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &high, sizeof high) == 0;
    return ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark) == 0 && grown;
}

// The end of TCP_REPAIR, which nobody began, sends a window probe (tcp_send_window_probe()), and takes away SO_REUSEADDR.
bool probe_window(int socket) {
    int reuse = 0;
    socklen_t size = sizeof reuse;
    const int off = TCP_REPAIR_OFF;
    if (::getsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &reuse, &size) != 0) return false;
    const bool probed = ::setsockopt(socket, IPPROTO_TCP, TCP_REPAIR, &off, sizeof off) == 0;
    return ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) == 0 && probed;
}

bool serve_one(int process, int number, const HeldSocket& wanted) {
    const base::UniqueFd socket(static_cast<int>(::syscall(SYS_pidfd_getfd, process, number, 0)));
    if (!socket.valid()) return false;
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0 || cookie != wanted.cookie) return false;
    switch (wanted.need) {
        case HeldSocket::Need::window:
            return probe_window(socket.get());
        case HeldSocket::Need::room:
            return grow(socket.get(), wanted.bytes);
        case HeldSocket::Need::announcement:
            break;
    }
    return announce(socket.get());
}

}  // namespace

void SocketOwner::serve_in(pid_t process, std::vector<HeldSocket>& sockets) {
    const base::UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    if (!handle.valid()) return;
    std::error_code error;
    bool holds = false;
    for (fs::directory_iterator entry("/proc/" + std::to_string(process) + "/fd", error), end; !error && entry != end;
         entry.increment(error)) {
        if (sockets.empty()) break;
        std::error_code gone;
        const auto inode = socket_inode(fs::read_symlink(entry->path(), gone).native());
        const auto number = number_of<int>(entry->path().filename().native());
        if (gone || !inode || !number) continue;
        const auto served = std::erase_if(sockets, [&](const HeldSocket& wanted) {
            return wanted.inode == *inode && serve_one(handle.get(), *number, wanted);
        });
        if (served == 0) continue;
        holds = true;
    }
    if (!holds) return;
    std::erase(known_, process);
    known_.insert(known_.begin(), process);
    known_.resize(std::min(known_.size(), most_known));
}

std::vector<HeldSocket> SocketOwner::serve(std::vector<HeldSocket> sockets) {
    std::vector<pid_t> likely;
    for (const auto& socket : sockets)
        if (socket.process != 0 && std::find(likely.begin(), likely.end(), socket.process) == likely.end())
            likely.push_back(socket.process);
    const auto before = known_;
    likely.insert(likely.end(), before.begin(), before.end());
    for (const auto process : likely) {
        if (sockets.empty()) return sockets;
        serve_in(process, sockets);
    }
    std::error_code error;
    for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
        if (sockets.empty()) break;
        const auto process = number_of<pid_t>(entry->path().filename().native());
        if (process && std::find(likely.begin(), likely.end(), *process) == likely.end()) serve_in(*process, sockets);
    }
    return sockets;
}

}  // namespace meshd::acceleration
