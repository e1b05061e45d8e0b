// SPDX-License-Identifier: Apache-2.0
#include "serve.hpp"

#include <cerrno>
#include <chrono>
#include <thread>

#include <netinet/in.h>
#include <poll.h>

#include "bench/sockets.hpp"
#include "endpoint.hpp"

namespace meshd::shapes {

using namespace std::chrono_literals;

namespace {

constexpr auto offer_limit = 10s;

std::uint16_t port_of(const sockaddr_storage& peer) {
    // The port is at the same place for both families.
    return ntohs(reinterpret_cast<const sockaddr_in&>(peer).sin_port);
}

// The client writes its plan as soon as its connect() has returned, which may be later than our accept().
bool wait_for_plan(Slot& slot) {
    const auto deadline = Connection::Clock::now() + offer_limit;
    for (int round = 0; !slot.take(); ++round) {
        if (Connection::Clock::now() > deadline) return false;
        std::this_thread::sleep_for(round < 20 ? 20us : 1ms);
    }
    return true;
}

void attend(base::UniqueFd fd, Slot& slot, Attendants& attendants) {
    if (!wait_for_plan(slot)) return;  // the client misses its server's end, and says so
    try {
        apply_options(fd.get(), slot.plan.seat(Side::server));
    } catch (const std::exception&) {
        return;  // the connection was reset before it was accepted; the client says so too
    }
    run_endpoint(std::move(fd), slot, Side::server, attendants);
}

}  // namespace

void serve(const base::SocketAddress& address, Board& board, const std::atomic<bool>& stop) {
    Attendants attendants;
    std::atomic<int> active = 0;
    const auto listener = bench::listen_on(address);
    while (!stop) {
        pollfd one{listener.get(), POLLIN, 0};
        ::poll(&one, 1, 200);
        sockaddr_storage peer{};
        socklen_t length = sizeof peer;
        base::UniqueFd fd(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));
        if (!fd.valid()) {
            if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) continue;
            bench::throw_errno("accept");
        }
        ++active;
        std::thread([&attendants, &active, &slot = board.at(port_of(peer)), accepted = std::move(fd)]() mutable {
            attend(std::move(accepted), slot, attendants);
            --active;
        }).detach();
    }
    while (active > 0) std::this_thread::sleep_for(1ms);
}

}  // namespace meshd::shapes
