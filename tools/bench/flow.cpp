// SPDX-License-Identifier: Apache-2.0
#include "flow.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace meshd::bench {

Flow::Flow(const RawAddress& target, std::uint64_t seed)
    : fd_(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), pattern_(seed) {
    if (!fd_.valid()) throw_errno("socket");
    reset_on_close(fd_.get());
    if (::connect(fd_.get(), target.get(), target.length) != 0 && errno != EINPROGRESS) fail("connect", errno);
}

void Flow::enter(State state) {
    state_ = state;
    since_ = Clock::now();
}

void Flow::fail(const std::string& what, int code) {
    error_ = what + (code != 0 ? std::string(": ") + std::strerror(code) : "") + " after " + std::to_string(received_) + " bytes";
    enter(state_ == State::connecting ? State::failed : State::broken);
}

void Flow::finish_connect() {
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0)
        fail("connect", error);
    else
        enter(State::idle);
}

void Flow::receive() {
    std::array<unsigned char, max_message> buffer;
    const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return fail(got == 0 ? "ended by its peer" : "recv", got == 0 ? 0 : errno);
    const auto bytes = std::span(buffer).first(static_cast<std::size_t>(got));
    const auto right = pattern_.matches(bytes, received_);
    received_ += right;
    if (right != bytes.size() || received_ > sent_) return fail("wrong byte", 0);
    if (received_ == sent_) enter(State::idle);
}

void Flow::on_ready() {
    if (state_ == State::connecting)
        finish_connect();
    else if (state_ == State::idle || state_ == State::waiting)
        receive();
}

void Flow::send(std::size_t size) {
    std::array<unsigned char, max_message> buffer;
    const auto bytes = std::span(buffer).first(std::min(size, max_message));
    pattern_.fill(bytes, sent_);
    // Nothing is in the socket's buffer, so a message that does not fit at once is an error of the connection.
    const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(bytes.size())) return fail("send", sent < 0 ? errno : 0);
    sent_ += bytes.size();
    enter(State::waiting);
}

void Flow::expire(Clock::duration limit) {
    if ((state_ == State::connecting || state_ == State::waiting) && Clock::now() - since_ > limit) fail("no answer", ETIMEDOUT);
}

}  // namespace meshd::bench
