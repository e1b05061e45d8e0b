// SPDX-License-Identifier: Apache-2.0
#include "relay/stream.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "ktls/sockets.hpp"
#include "relay/sockets.hpp"

namespace meshd::relay {

void Stream::note(std::uint32_t events) {
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) is_readable_ = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) has_ended_ = true;
    if ((events & EPOLLERR) != 0) has_failed_ = true;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) is_writable_ = true;
}

Stream::Received Stream::receive(std::span<char> into) {
    if (!is_readable_) return {};
    const auto size = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (size > 0) {
        // Less than was asked for is all there is, and what comes later makes an event of its own; but an end has made its
        // already.
        if (static_cast<std::size_t>(size) < into.size() && !has_ended_) is_readable_ = false;
        return {static_cast<std::size_t>(size), Condition::good};
    }
    is_readable_ = false;
    if (size == 0) return {0, Condition::ended};
    return {0, errno == EAGAIN ? Condition::good : Condition::reset};
}

// Until there is no more: what comes at once ends with the records of one type, not with what is there.
Stream::Received Stream::receive_records(std::span<char> into, std::uint8_t& type) {
    type = 0;
    if (!is_readable_) return {};
    const auto received = ktls::receive(fd_.get(), into);
    if (received.type) {
        type = *received.type;
        return {received.size, Condition::good};
    }
    is_readable_ = false;
    if (received.error == 0) return {0, Condition::ended};
    errno = received.error;
    return {0, received.error == EAGAIN ? Condition::good : Condition::reset};
}

std::size_t Stream::receive_records(base::SplicePipe& pipe) {
    if (!is_readable_) return 0;
    return static_cast<std::size_t>(std::max(pipe.fill(fd_.get()), ssize_t{0}));
}

Stream::Said Stream::say_record(std::uint8_t type, std::string_view bytes) {
    if (!unsent_.empty() || !is_writable_) return Said::nothing;
    if (ktls::send_record(fd_.get(), type, bytes)) return Said::all;
    if (errno != EAGAIN) return Said::broken;
    is_writable_ = false;
    return Said::nothing;
}

bool Stream::send(std::string_view bytes) {
    if (unsent_.empty() && is_writable_) {
        const auto size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (size < 0 && errno != EAGAIN) return false;
        if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
        if (bytes.empty()) return true;
        is_writable_ = false;
    }
    unsent_.append(bytes);
    return true;
}

bool Stream::send(base::SplicePipe& pipe, std::span<char> spare) {
    while (pipe.held() > 0 && unsent_.empty() && is_writable_) {
        const auto size = pipe.drain(fd_.get());
        if (size < 0 && errno != EAGAIN) return false;
        if (size <= 0) is_writable_ = false;
    }
    while (pipe.held() > 0) {
        const auto size = pipe.take(spare);
        if (size == 0) return false;
        unsent_.append({spare.data(), size});
    }
    return true;
}

bool Stream::flush() {
    while (!unsent_.empty() && is_writable_) {
        const auto view = unsent_.view();
        const auto size = ::send(fd_.get(), view.data(), view.size(), MSG_NOSIGNAL);
        if (size < 0 && errno != EAGAIN) return false;
        if (size < static_cast<ssize_t>(view.size())) is_writable_ = false;
        if (size > 0) unsent_.consume(static_cast<std::size_t>(size));
    }
    return true;
}

void Stream::finish_sending() { (void)::shutdown(fd_.get(), SHUT_WR); }

void Stream::reset() {
    if (fd_.valid()) set_reset_at_close(fd_.get(), true);
    fd_.reset();
}

}  // namespace meshd::relay
