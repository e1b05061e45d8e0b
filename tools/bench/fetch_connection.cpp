// SPDX-License-Identifier: Apache-2.0
#include "fetch_connection.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

namespace meshd::bench {

namespace {

constexpr std::size_t longest_head = 8192;
constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::string_view length_field = "\r\ncontent-length: ";

// The length that a complete head announces; -1: it is no answer that brings a body of known length.
std::int64_t announced_length(std::string head) {
    std::transform(head.begin(), head.end(), head.begin(), [](unsigned char one) { return std::tolower(one); });
    const auto at = head.find(length_field);
    if (!head.starts_with("http/1.1 200 ") || at == std::string_view::npos) return -1;
    const auto number = std::string_view(head).substr(at + length_field.size());
    std::int64_t length = -1;
    std::from_chars(number.data(), number.data() + number.size(), length);
    return length;
}

}  // namespace

FetchConnection::FetchConnection(const RawAddress& target, const Reading& reading)
    : fd_(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), reading_(reading) {
    if (!fd_.valid()) throw_errno("socket");
    reset_on_close(fd_.get());
    const int size = reading.receive_buffer;
    if (size > 0 && ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0) throw_errno("set SO_RCVBUF");
    if (::connect(fd_.get(), target.get(), target.length) != 0 && errno != EINPROGRESS) fail("connect", errno);
}

void FetchConnection::fail(const std::string& what, int code) {
    error_ = what + (code != 0 ? std::string(": ") + std::strerror(code) : "");
    if (expected_ != nullptr)
        error_ += " at byte " + std::to_string(position_) + " of " + std::to_string(expected_->body.size()) + " of " +
                  expected_->path + ", answer " + std::to_string(finished_ + 1);
}

void FetchConnection::fetch(const Expected& expected) {
    expected_ = &expected;
    request_ = "GET " + expected.path + " HTTP/1.1\r\nHost: bench\r\n\r\n";
    head_.clear();
    in_body_ = false;
    position_ = 0;
    waits_since_ = Clock::now();
}

void FetchConnection::on_ready() {
    if (wants_to_write())
        send_request();
    else
        receive();
}

void FetchConnection::send_request() {
    const auto sent = ::send(fd_.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return fail("send", errno);
    request_.erase(0, static_cast<std::size_t>(sent));
}

void FetchConnection::note_wait(Clock::time_point now) { longest_wait_ = std::max(longest_wait_, now - waits_since_); }

void FetchConnection::receive() {
    thread_local std::vector<unsigned char> buffer;
    buffer.resize(reading_.piece);
    const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return fail(got == 0 ? "ended by its peer" : "recv", got == 0 ? 0 : errno);
    if (expected_ == nullptr) return fail("bytes after the answer");
    const auto now = Clock::now();
    note_wait(now);
    reads_again_ = now + reading_.pause;
    waits_since_ = reads_again_;
    auto bytes = std::span<const unsigned char>(buffer).first(static_cast<std::size_t>(got));
    bytes_ += bytes.size();
    if (!in_body_) bytes = bytes.subspan(take_head(bytes));
    if (!failed() && in_body_) take_body(bytes);
}

// How many of the bytes belong to the head.
std::size_t FetchConnection::take_head(std::span<const unsigned char> bytes) {
    const auto before = head_.size();
    head_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto end = head_.find(head_end);
    if (end == std::string::npos) {
        if (head_.size() > longest_head) fail("a head without end");
        return bytes.size();
    }
    head_.resize(end + head_end.size());
    if (const auto length = announced_length(head_); length != static_cast<std::int64_t>(expected_->body.size()))
        fail("unexpected answer \"" + head_.substr(0, head_.find('\r')) + "\" of length " + std::to_string(length));
    in_body_ = true;
    return head_.size() - before;
}

void FetchConnection::take_body(std::span<const unsigned char> bytes) {
    const auto rest = expected_->body.subspan(position_);
    const auto size = std::min(bytes.size(), rest.size());
    const auto wrong =
        std::mismatch(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size), rest.begin()).first - bytes.begin();
    position_ += static_cast<std::size_t>(wrong);
    if (static_cast<std::size_t>(wrong) != size) return fail("wrong byte");
    if (size != bytes.size()) return fail("bytes after the answer");
    if (position_ < expected_->body.size()) return;
    ++finished_;
    expected_ = nullptr;
}

void FetchConnection::expire(Clock::duration limit) {
    if (!fetching() || failed() || Clock::now() < waits_since_ + limit) return;
    note_wait(Clock::now());
    fail("stalled", ETIMEDOUT);
}

}  // namespace meshd::bench
