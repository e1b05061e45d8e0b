// SPDX-License-Identifier: Apache-2.0
// System calls beside send() and recv() that programs use on sockets.
#include <array>
#include <cerrno>
#include <ctime>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcntl.h>
#include <fmt/format.h>

#include "acceleration/checks/checks.hpp"
#include "base/wait_for.hpp"

namespace meshd::acceleration {

namespace {

constexpr std::size_t message_size = 4096;

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{-1, -1};
        (void)::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK);
        out.reset(ends[0]);
        in.reset(ends[1]);
    }
    base::UniqueFd out, in;
};

// What splice() answers, with the bytes taken off the pipe again.
std::string splice_out(Way& way, const Pipe& pipe, bool& whole) {
    way.send(message_size);
    (void)wait_readable(way.to());
    const auto moved = ::splice(way.to(), nullptr, pipe.in.get(), nullptr, message_size, SPLICE_F_NONBLOCK);
    const auto text = outcome_name(moved);
    std::string bytes(message_size, '\0');
    const auto got = ::read(pipe.out.get(), bytes.data(), bytes.size());
    whole = moved == static_cast<ssize_t>(message_size) && got == moved && way.note_received(bytes);
    if (!whole) way.receive_rest();
    return text;
}

// 0: the kernel told that the buffer is free.
int zero_copy_completion(int fd) {
    if (!base::wait_for(fd, 0, patience)) return ETIMEDOUT;
    std::array<char, 256> control{};
    msghdr message{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(fd, &message, MSG_ERRQUEUE) < 0) return errno;
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        const auto* const error = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(header));
        if (header->cmsg_level == SOL_IP && header->cmsg_type == IP_RECVERR && error->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
            return 0;
    }
    return ENOMSG;
}

}  // namespace

Seen check_splice_in(Rig&, Connection& connection) {
    auto& way = connection.to_server();
    const Pipe pipe;
    const auto bytes = stream_bytes(0, message_size);
    if (::write(pipe.in.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        return {false, errno_name(errno)};
    while (way.sent() < message_size) {
        const auto moved = ::splice(pipe.out.get(), nullptr, way.from(), nullptr, message_size, SPLICE_F_NONBLOCK);
        if (moved <= 0) return {false, outcome_name(moved)};
        way.note_sent(static_cast<std::size_t>(moved));
    }
    return {way.receive_rest(), way.text()};
}

Seen check_sendfile(Rig&, Connection& connection) {
    constexpr std::size_t size = 65536;
    auto& way = connection.to_server();
    const base::UniqueFd file(::memfd_create("meshd-trial", MFD_CLOEXEC));
    const auto bytes = stream_bytes(0, size);
    if (::pwrite(file.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(size)) return {false, errno_name(errno)};
    while (way.sent() < size) {
        const auto moved = ::sendfile(way.from(), file.get(), nullptr, size - way.sent());
        if (moved <= 0) return {false, outcome_name(moved)};
        way.note_sent(static_cast<std::size_t>(moved));
    }
    return {way.receive_rest(), way.text()};
}

Seen check_splice_out(Rig& rig, Connection& connection) {
    const Pipe pipe;
    bool short_whole = false, tcp_whole = false;
    const auto by_short_way = splice_out(connection.to_server(), pipe, short_whole);
    rig.take_tcp();
    const auto by_tcp = splice_out(connection.to_server(), pipe, tcp_whole);
    return {short_whole && tcp_whole, fmt::format("{} by the short way, {} by TCP", by_short_way, by_tcp)};
}

Seen check_peek(Rig& rig, Connection& connection) {
    auto& way = connection.to_server();
    for (const bool by_tcp : {false, true}) {
        by_tcp ? rig.take_tcp() : rig.take_short_way();
        const auto expected = stream_bytes(way.sent(), message_size);
        way.send(message_size);
        std::string looked(message_size, '\0');
        (void)wait_readable(way.to());
        const auto got = ::recv(way.to(), looked.data(), looked.size(), MSG_PEEK);
        if (got != static_cast<ssize_t>(message_size) || looked != expected || !way.receive_rest())
            return {false, fmt::format("{} by {}, then {}", outcome_name(got), by_tcp ? "TCP" : "the short way", way.text())};
    }
    return {true, way.text()};
}

Seen check_zero_copy(Rig&, Connection& connection) {
    constexpr std::size_t size = 32768;
    auto& way = connection.to_server();
    const int one = 1;
    if (::setsockopt(way.from(), SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) != 0)
        return {true, "SO_ZEROCOPY is refused: " + errno_name(errno)};
    const auto bytes = stream_bytes(0, size);
    const auto taken = ::send(way.from(), bytes.data(), bytes.size(), MSG_ZEROCOPY | MSG_NOSIGNAL);
    if (taken <= 0) return {false, outcome_name(taken)};
    way.note_sent(static_cast<std::size_t>(taken));
    const bool whole = way.receive_rest();
    const int code = zero_copy_completion(way.from());
    return {whole && code == 0, code == 0 ? way.text() : fmt::format("{}; no completion ({})", way.text(), errno_name(code))};
}

}  // namespace meshd::acceleration
