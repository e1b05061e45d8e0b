// SPDX-License-Identifier: Apache-2.0
#include "take.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "bench/sockets.hpp"

namespace meshd::shapes {

namespace {

constexpr std::size_t parts = 3;

// Three parts of unequal size, in order; some may be empty.
std::array<iovec, parts> split(std::span<unsigned char> room) {
    const std::size_t first = room.size() / 7, second = (room.size() - first) / 2;
    return {{{room.data(), first}, {room.data() + first, second}, {room.data() + first + second, room.size() - first - second}}};
}

}  // namespace

Pipe::Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) bench::throw_errno("pipe");
    out.reset(ends[0]);
    in.reset(ends[1]);
}

Take::Take(Connection& connection, const Content& content) : connection_(connection), content_(content) {
    if (connection.seat().take == Feature::splice_out) pipe_ = std::make_unique<Pipe>();
    if (connection.seat().take == Feature::uring_recv) ring_ = std::make_unique<Ring>(connection);
}

ssize_t Take::operator()(std::span<unsigned char> room, std::uint64_t position) {
    switch (connection_.seat().take) {
        case Feature::peek:
            return peek_then_recv(room, position);
        case Feature::waitall:
            return wait_for_all(room, position);
        case Feature::recvmmsg:
            return many_messages(room);
        case Feature::readv:
            return scatter(room);
        case Feature::splice_out:
            return through_pipe(room);
        case Feature::uring_recv:
            return ring_->recv(room.data(), room.size());
        default:
            return ::recv(connection_.fd(), room.data(), room.size(), 0);
    }
}

ssize_t Take::peek_then_recv(std::span<unsigned char> room, std::uint64_t position) {
    const auto seen = ::recv(connection_.fd(), room.data(), room.size(), MSG_PEEK);
    if (seen <= 0) return seen;
    const auto peeked = room.first(static_cast<std::size_t>(seen));
    const auto right = content_.matches(peeked, position);
    if (right != peeked.size()) connection_.wrong("peeked a wrong byte", position + right);
    std::ranges::fill(peeked, static_cast<unsigned char>(0));
    const auto got = ::recv(connection_.fd(), room.data(), peeked.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno == EAGAIN)) connection_.wrong("what was peeked was not there to read", position);
    return got;
}

ssize_t Take::wait_for_all(std::span<unsigned char> room, std::uint64_t position) {
    const auto got = ::recv(connection_.fd(), room.data(), room.size(), MSG_WAITALL);
    // Less is right at the end, after a signal and after a reset.
    const bool may_be_short =
        connection_.seat().signals || connection_.was_ever_kicked() || connection_.plan().end == Feature::reset;
    if (got > 0 && static_cast<std::size_t>(got) < room.size() && !may_be_short)
        connection_.waitall_was_short("MSG_WAITALL gave " + std::to_string(got) + " of " + std::to_string(room.size()), position);
    return got;
}

ssize_t Take::many_messages(std::span<unsigned char> room) {
    auto pieces = split(room);
    std::array<mmsghdr, parts> messages{};
    unsigned count = 0;
    for (auto& piece : pieces) {
        if (piece.iov_len == 0) continue;
        messages[count].msg_hdr.msg_iov = &piece;
        messages[count++].msg_hdr.msg_iovlen = 1;
    }
    const int filled = ::recvmmsg(connection_.fd(), messages.data(), count, MSG_WAITFORONE, nullptr);
    if (filled < 0) return filled;
    std::size_t got = 0;
    for (int i = 0; i < filled; ++i) {  // a part that is not full leaves a gap before the next
        const std::size_t length = messages[static_cast<std::size_t>(i)].msg_len;
        std::memmove(room.data() + got, messages[static_cast<std::size_t>(i)].msg_hdr.msg_iov->iov_base, length);
        got += length;
    }
    return static_cast<ssize_t>(got);
}

ssize_t Take::scatter(std::span<unsigned char> room) {
    const auto pieces = split(room);
    return ::readv(connection_.fd(), pieces.data(), static_cast<int>(pieces.size()));
}

ssize_t Take::through_pipe(std::span<unsigned char> room) {
    const auto moved =
        ::splice(connection_.fd(), nullptr, pipe_->in.get(), nullptr, std::min(room.size(), Pipe::capacity), SPLICE_F_MOVE);
    if (moved <= 0) return moved;
    for (ssize_t done = 0; done < moved;) {
        const auto got = ::read(pipe_->out.get(), room.data() + done, static_cast<std::size_t>(moved - done));
        if (got < 0 && errno != EINTR) bench::throw_errno("read a pipe");
        done += std::max<ssize_t>(got, 0);
    }
    return moved;
}

}  // namespace meshd::shapes
