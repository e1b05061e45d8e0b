// SPDX-License-Identifier: Apache-2.0
#include "zerocopy.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "bench/sockets.hpp"
#include "watch.hpp"

namespace meshd::shapes {

Zerocopy::Zerocopy(Connection& connection) : connection_(connection) {
    const int one = 1;
    if (::setsockopt(connection.fd(), SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) != 0) bench::throw_errno("set SO_ZEROCOPY");
}

ssize_t Zerocopy::send(std::span<const unsigned char> bytes) {
    const auto sent = ::send(connection_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_ZEROCOPY);
    if (sent > 0) ++sent_;
    if (sent >= 0 || errno != ENOBUFS) return sent;  // ENOBUFS: too much is pinned, as programs must expect
    return ::send(connection_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void Zerocopy::drain() {
    for (;;) {
        alignas(cmsghdr) std::array<char, 128> control{};
        msghdr message{};
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        if (::recvmsg(connection_.fd(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
        for (auto* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
            const auto* notice = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(one));
            if (notice->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
                completed_ += notice->ee_data - notice->ee_info + 1;  // a range of sends
        }
    }
}

void Zerocopy::keep(std::vector<unsigned char> message) {
    kept_.push_back(std::move(message));
    drain();
    if (completed_ == sent_) kept_.clear();
}

void Zerocopy::settle() {
    using Clock = Connection::Clock;
    const auto& slot = connection_.slot();
    const auto side = index(connection_.side());
    auto last = Clock::now();
    Clock::duration late{};
    for (drain(); completed_ < sent_ && slot.reset_begun == 0 && !connection_.given_up(); drain()) {
        pollfd one{connection_.fd(), 0, 0};  // POLLERR comes unasked
        ::poll(&one, 1, 50);
        const auto now = Clock::now();
        const auto passed = std::min<Clock::duration>(now - std::exchange(last, now), std::chrono::milliseconds(100));
        if (slot.read_bytes[side] >= slot.sent_bytes[side]) late += passed;
        if (late > Watch::stall_after) return connection_.stalled("no completion of MSG_ZEROCOPY", slot.sent_bytes[side]);
    }
}

}  // namespace meshd::shapes
