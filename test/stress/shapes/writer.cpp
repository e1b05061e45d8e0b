// SPDX-License-Identifier: Apache-2.0
#include "writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "bench/sockets.hpp"

namespace meshd::shapes {

namespace {

constexpr std::size_t parts = 4;

std::array<iovec, parts> split(std::span<const unsigned char> bytes) {
    std::array<iovec, parts> pieces{};
    std::size_t done = 0;
    for (std::size_t i = 0; i < parts; ++i) {
        const auto count = i + 1 < parts ? (bytes.size() - done) / (i + 2) : bytes.size() - done;
        pieces[i] = {const_cast<unsigned char*>(bytes.data()) + done, count};
        done += count;
    }
    return pieces;
}

void write_all(int fd, std::span<const unsigned char> bytes) {
    while (!bytes.empty()) {
        const auto done = ::write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno != EINTR) bench::throw_errno("write");
        bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(done, 0)));
    }
}

}  // namespace

Writer::Writer(Connection& connection)
    : connection_(connection), content_(connection.outgoing().content()), readiness_(connection, EPOLLOUT) {
    const auto way = connection.seat().write;
    if (way == Feature::uring_send) ring_ = std::make_unique<Ring>(connection);
    if (way == Feature::zerocopy) zerocopy_ = std::make_unique<Zerocopy>(connection);
    if (way == Feature::splice_in) pipe_ = std::make_unique<Pipe>();
}

void Writer::cork(bool wanted) {
    if (!connection_.seat().cork) return;
    const int value = wanted ? 1 : 0;
    if (::setsockopt(connection_.fd(), IPPROTO_TCP, TCP_CORK, &value, sizeof value) != 0) bench::throw_errno("set TCP_CORK");
}

void Writer::prepare(std::size_t count) {
    message_.resize(count);
    content_.fill(message_, position_);
    if (connection_.seat().write != Feature::sendfile) return;
    // A new file for each message: the socket may refer to the pages of the last one until its reader has them.
    file_.reset(::memfd_create("message", MFD_CLOEXEC));
    if (!file_.valid()) bench::throw_errno("memfd_create");
    write_all(file_.get(), message_);
    if (::lseek(file_.get(), 0, SEEK_SET) != 0) bench::throw_errno("lseek");
}

bool Writer::write(std::size_t count) {
    prepare(count);
    cork(true);
    const bool sent = send_all(count);
    if (sent) cork(false);
    if (zerocopy_) zerocopy_->keep(std::exchange(message_, {}));
    return sent;
}

void Writer::finish() {
    if (zerocopy_) zerocopy_->settle();
}

bool Writer::send_all(std::size_t count) {
    const auto side = index(connection_.side());
    connection_.slot().offered_bytes[side] = position_ + count;
    for (std::size_t done = 0; done < count;) {
        if (connection_.given_up()) return false;
        readiness_.wait();
        const auto sent = put(std::span<const unsigned char>(message_).subspan(done));
        if (sent > 0) {
            done += static_cast<std::size_t>(sent);
            position_ += static_cast<std::size_t>(sent);
            connection_.slot().sent_bytes[side] = position_;
        } else if (sent < 0 && errno == EAGAIN) {
            readiness_.dry();
        } else if (sent == 0 || errno != EINTR) {
            connection_.ended_early("writing", sent == 0 ? EIO : errno, position_);
            return false;
        }
    }
    return true;
}

ssize_t Writer::put(std::span<const unsigned char> bytes) {
    switch (connection_.seat().write) {
        case Feature::writev:
            return gather(bytes);
        case Feature::sendmmsg:
            return many_messages(bytes);
        case Feature::sendfile:
            return from_file(bytes.size());
        case Feature::splice_in:
            return through_pipe(bytes);
        case Feature::zerocopy:
            return zerocopy_->send(bytes);
        case Feature::uring_send:
            return ring_->send(bytes.data(), bytes.size());
        default:
            return ::send(connection_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
}

ssize_t Writer::gather(std::span<const unsigned char> bytes) {
    const auto pieces = split(bytes);
    return ::writev(connection_.fd(), pieces.data(), static_cast<int>(pieces.size()));
}

ssize_t Writer::many_messages(std::span<const unsigned char> bytes) {
    auto pieces = split(bytes);
    std::array<mmsghdr, parts> messages{};
    unsigned count = 0;
    for (auto& piece : pieces) {
        if (piece.iov_len == 0) continue;
        messages[count].msg_hdr.msg_iov = &piece;
        messages[count++].msg_hdr.msg_iovlen = 1;
    }
    const int gone = ::sendmmsg(connection_.fd(), messages.data(), count, MSG_NOSIGNAL);
    if (gone < 0) return gone;
    ssize_t sent = 0;  // the kernel stops at the first message that did not go whole
    for (int i = 0; i < gone; ++i) sent += messages[static_cast<std::size_t>(i)].msg_len;
    return sent;
}

ssize_t Writer::from_file(std::size_t count) { return ::sendfile(connection_.fd(), file_.get(), nullptr, count); }

ssize_t Writer::through_pipe(std::span<const unsigned char> bytes) {
    if (in_pipe_ == 0) {
        in_pipe_ = std::min(bytes.size(), Pipe::capacity);
        write_all(pipe_->in.get(), bytes.first(in_pipe_));
    }
    const auto moved = ::splice(pipe_->out.get(), nullptr, connection_.fd(), nullptr, in_pipe_, SPLICE_F_MOVE);
    if (moved > 0) in_pipe_ -= static_cast<std::size_t>(moved);
    return moved;
}

}  // namespace meshd::shapes
