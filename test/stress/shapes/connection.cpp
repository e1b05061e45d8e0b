// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench/sockets.hpp"

namespace meshd::shapes {

Connection::Connection(base::UniqueFd fd, Slot& slot, Side side)
    : fd_(std::move(fd)), slot_(slot), side_(side), plan_(slot.plan) {}

void Connection::tell(const std::string& what, std::uint64_t offset) {
    if (findings().told.exchange(1) != 0) return;
    const auto text = (side_ == Side::client ? "client: " : "server: ") + what + " at byte " + std::to_string(offset);
    std::strncpy(findings().text.data(), text.c_str(), findings().text.size() - 1);
}

void Connection::wrong(const std::string& what, std::uint64_t offset) {
    if (given_up()) return;  // a hang explains everything that comes after it
    ++findings().wrong;
    tell(what, offset);
}

void Connection::set_low_water(int bytes) {
    if (::setsockopt(fd(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes) != 0) bench::throw_errno("set SO_RCVLOWAT");
    low_water_ = static_cast<std::uint64_t>(bytes);
}

void Connection::stalled(const std::string& what, std::uint64_t offset) {
    ++findings().stalls;
    tell(what, offset);
}

void Connection::waitall_was_short(const std::string& what, std::uint64_t offset) {
    ++findings().waitall_short;
    tell(what, offset);
}

void Connection::hung(const std::string& what) {
    ++findings().hangs;
    tell(what, slot_.read_bytes[index(other(side_))]);
}

void Connection::ended_early(const std::string& what, int code, std::uint64_t offset) {
    const bool reset_like = code == 0 || code == ECONNRESET || code == EPIPE;
    if (plan_.end == Feature::reset && slot_.reset_begun != 0 && reset_like) return;
    if (slot_.findings[index(other(side_))].hangs != 0) return;  // the other end gave up
    wrong(what + ": " + (code == 0 ? "the stream has ended" : std::strerror(code)), offset);
}

void Connection::give_up() {
    given_up_ = true;
    ::shutdown(fd_.get(), SHUT_RDWR);
    kick();
}

void Connection::kick() {
    kicked_ = ever_kicked_ = true;
    ::pthread_kill(reader_, SIGUSR2);
}

void Connection::close() {
    if (plan_.resets(side_)) bench::reset_on_close(fd_.get());
    fd_.reset();
}

}  // namespace meshd::shapes
