// SPDX-License-Identifier: Apache-2.0
#include "ring.hpp"

#include <cerrno>
#include <system_error>

namespace meshd::shapes {

namespace {

constexpr unsigned entries = 4;
constexpr std::uint64_t call = 1, cancellation = 2;  // user data

}  // namespace

Ring::Ring(Connection& connection) : connection_(connection) {
    const int failed = io_uring_queue_init(entries, &ring_, 0);
    if (failed != 0) throw std::system_error(-failed, std::generic_category(), "io_uring_setup");
}

Ring::~Ring() { io_uring_queue_exit(&ring_); }

int Ring::refusal() {
    io_uring ring{};
    const int failed = io_uring_queue_init(entries, &ring, 0);
    if (failed == 0) io_uring_queue_exit(&ring);
    return -failed;
}

void Ring::cancel() {
    auto* entry = io_uring_get_sqe(&ring_);
    io_uring_prep_cancel64(entry, call, 0);
    io_uring_sqe_set_data64(entry, cancellation);
    io_uring_submit(&ring_);
}

ssize_t Ring::run() {
    io_uring_submit(&ring_);
    bool cancelled = false;
    for (;;) {
        io_uring_cqe* done = nullptr;
        const int failed = io_uring_wait_cqe(&ring_, &done);
        if (failed == -EINTR) {
            if (!cancelled && connection_.was_kicked()) {
                cancelled = true;
                cancel();
            }
            continue;
        }
        if (failed != 0) throw std::system_error(-failed, std::generic_category(), "io_uring_enter");
        const auto which = io_uring_cqe_get_data64(done);
        const int result = done->res;
        io_uring_cqe_seen(&ring_, done);
        if (which != call) continue;  // the answer to a cancellation
        if (result >= 0) return result;
        errno = result == -ECANCELED ? EINTR : -result;
        return -1;
    }
}

ssize_t Ring::recv(void* to, std::size_t count) {
    auto* entry = io_uring_get_sqe(&ring_);
    io_uring_prep_recv(entry, connection_.fd(), to, count, 0);
    io_uring_sqe_set_data64(entry, call);
    return run();
}

ssize_t Ring::send(const void* from, std::size_t count) {
    auto* entry = io_uring_get_sqe(&ring_);
    io_uring_prep_send(entry, connection_.fd(), from, count, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(entry, call);
    return run();
}

}  // namespace meshd::shapes
