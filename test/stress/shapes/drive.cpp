// SPDX-License-Identifier: Apache-2.0
#include "drive.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>

#include "bench/sockets.hpp"
#include "endpoint.hpp"

namespace meshd::shapes {

using namespace std::chrono_literals;

namespace {

using Clock = Connection::Clock;

// The other end has its own watch; this is for one that is gone.
constexpr auto server_limit = Watch::hang_after + 15s;

template <class Condition>
bool holds_within(Clock::duration limit, Condition condition) {
    for (const auto deadline = Clock::now() + limit; !condition(); std::this_thread::sleep_for(500us))
        if (Clock::now() > deadline) return false;
    return true;
}

class Client {
public:
    Client(const Run& run, Board& board, Outcome& outcome, Attendants& attendants)
        : target_(bench::to_raw(run.target)), run_(run), board_(board), outcome_(outcome), attendants_(attendants) {}

    void make_connection(std::uint64_t number) {
        const auto plan = make_plan(run_.menu, run_.sizes, run_.seed, number);
        try {
            auto fd = connect(plan);
            auto& slot = board_.at(local_port(fd.get()));
            // The port was another connection's; its client may still be waiting for the server's end of it.
            if (!holds_within(server_limit, [&slot] { return slot.state == Slot::free; }))
                return outcome_.add_failure(plan, "the server does not end an earlier connection of this port", true);
            slot.offer(plan);
            run_endpoint(std::move(fd), slot, Side::client, attendants_);
            if (!holds_within(server_limit, [&slot] { return slot.finished[index(Side::server)] != 0; }))
                return outcome_.add_failure(plan, "the server does not end the connection", true);
            outcome_.add(slot);
            slot.state = Slot::free;
        } catch (const std::exception& error) {
            outcome_.add_failure(plan, error.what(), false);
        }
    }

private:
    base::UniqueFd connect(const Plan& plan) const {
        const auto deadline = Clock::now() + Watch::hang_after;
        for (;;) {
            base::UniqueFd fd(::socket(target_.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
            if (!fd.valid()) bench::throw_errno("socket");
            apply_options(fd.get(), plan.seat(Side::client));
            if (::connect(fd.get(), target_.get(), target_.length) == 0) return fd;
            // Ports of earlier connections may all be in TIME_WAIT.
            if (errno != EADDRNOTAVAIL || Clock::now() > deadline) bench::throw_errno("connect");
            std::this_thread::sleep_for(10ms);
        }
    }

    static std::uint16_t local_port(int fd) {
        sockaddr_storage address{};
        socklen_t length = sizeof address;
        if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) bench::throw_errno("getsockname");
        return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);  // at the same place for both families
    }

    const bench::RawAddress target_;
    const Run& run_;
    Board& board_;
    Outcome& outcome_;
    Attendants& attendants_;
};

}  // namespace

void drive(const Run& run, Board& board, Outcome& outcome, const std::atomic<bool>& stop) {
    Attendants attendants;
    Client client(run, board, outcome, attendants);
    const auto end = Clock::now() + run.budget;
    std::atomic<std::uint64_t> next = 0;
    const auto work = [&] {
        while (!stop && (run.budget == 0s || Clock::now() < end)) {
            const auto number = next++;
            if (number >= run.connections) return;
            // A thread of its own: a ring that ends leaves work to its thread, which interrupts later calls as a signal does.
            std::thread([&client, which = run.first + number] { client.make_connection(which); }).join();
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < run.concurrency; ++i) threads.emplace_back(work);
}

}  // namespace meshd::shapes
