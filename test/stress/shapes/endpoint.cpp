// SPDX-License-Identifier: Apache-2.0
#include "endpoint.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench/sockets.hpp"
#include "reader.hpp"
#include "writer.hpp"

namespace meshd::shapes {

using namespace std::chrono_literals;

namespace {

void set_option(int fd, int level, int option, std::uint32_t wanted) {
    const int value = static_cast<int>(wanted);
    if (::setsockopt(fd, level, option, &value, sizeof value) != 0) bench::throw_errno("setsockopt " + std::to_string(option));
}

class Talk {
public:
    Talk(Connection& connection, Pester& pester)
        : connection_(connection),
          plan_(connection.plan()),
          side_(connection.side()),
          reader_(connection),
          writer_(connection),
          pester_(pester) {}

    void run() {
        if (!run_plan()) return;
        writer_.finish();
        if (plan_.end == Feature::close && plan_.ender == side_) return;  // the other end sees that nothing more comes
        reader_.read_end();
    }

private:
    // False: it is over before its end, by a planned reset or a finding.
    bool run_plan() {
        if (plan_.talk == Feature::turns) return take_turns();
        if (plan_.talk == Feature::duplex) return both_at_once();
        if (side_ == plan_.first) return write_all();
        stop_writing();
        return read_all();
    }

    bool write_message(std::uint32_t size) {
        if (!plan_.resets(side_)) return writer_.write(size);
        const auto left = plan_.reset_at - writer_.position();
        return left > 0 && writer_.write(std::min<std::uint64_t>(size, left)) && writer_.position() < plan_.reset_at;
    }

    void stop_writing() {
        const bool half_closes =
            plan_.end == Feature::both_half_close || (plan_.end == Feature::half_close && plan_.ender == side_);
        if (half_closes && ::shutdown(connection_.fd(), SHUT_WR) != 0) connection_.wrong("shutdown", writer_.position());
    }

    bool write_all() {
        for (const auto size : connection_.outgoing().sizes())
            if (!write_message(size)) return false;
        stop_writing();
        return true;
    }

    bool read_all() {
        const auto total = connection_.incoming().total;
        if (!plan_.resets(side_) || connection_.outgoing().total > 0) return reader_.read(total);
        reader_.read(plan_.reset_at);
        return false;
    }

    bool take_turns() {
        const auto out = connection_.outgoing().sizes(), in = connection_.incoming().sizes();
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (side_ != plan_.first && !reader_.read(in[i])) return false;
            if (!write_message(out[i])) return false;
            if (i + 1 == out.size()) stop_writing();
            if (side_ == plan_.first && !reader_.read(in[i])) return false;
        }
        return true;
    }

    bool both_at_once() {
        bool wrote = false;
        std::thread writing([this, &wrote] {
            const Pester::Guard pestered(pester_, connection_.seat().signals);
            try {
                wrote = write_all();
            } catch (const std::exception& error) {
                connection_.wrong(error.what(), writer_.position());
            }
            if (wrote) return;
            // The reader must not wait for what will not come. The end that resets sends no FIN before it.
            if (plan_.resets(side_)) connection_.slot().reset_begun = 1;
            ::shutdown(connection_.fd(), plan_.resets(side_) ? SHUT_RD : SHUT_RDWR);
        });
        bool read = false;
        try {
            read = read_all();
        } catch (const std::exception& error) {
            connection_.wrong(error.what(), 0);
        }
        if (!read) ::shutdown(connection_.fd(), plan_.resets(side_) ? SHUT_RD : SHUT_RDWR);
        writing.join();
        return wrote && read;
    }

    Connection& connection_;
    const Plan& plan_;
    const Side side_;
    Reader reader_;
    Writer writer_;
    Pester& pester_;
};

}  // namespace

void apply_options(int fd, const Seat& seat) {
    if (seat.receive_buffer != 0) set_option(fd, SOL_SOCKET, SO_RCVBUF, seat.receive_buffer);
    if (seat.send_buffer != 0) set_option(fd, SOL_SOCKET, SO_SNDBUF, seat.send_buffer);
    if (seat.nodelay) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void run_endpoint(base::UniqueFd fd, Slot& slot, Side side, Attendants& attendants) {
    Connection connection(std::move(fd), slot, side);
    std::optional<Talk> talk;
    try {
        const Watch::Guard watched(attendants.watch, connection);
        const Pester::Guard pestered(attendants.pester, connection.seat().signals);
        if (connection.seat().wait != Feature::blocking && ::fcntl(connection.fd(), F_SETFL, O_RDWR | O_NONBLOCK) != 0)
            bench::throw_errno("fcntl");
        talk.emplace(connection, attendants.pester);
        talk->run();
        // Until then the client's port is this connection's, and no other's.
        while (slot.state == Slot::offered && !connection.given_up()) std::this_thread::sleep_for(1ms);
        if (connection.plan().resets(side)) slot.reset_begun = 1;
    } catch (const std::exception& error) {
        connection.wrong(error.what(), 0);
    }
    connection.close();
    slot.closed[index(side)] = 1;
    // MSG_ZEROCOPY: what the other end has still to read may be our memory.
    const auto deadline = Connection::Clock::now() + Watch::hang_after;
    while (connection.seat().write == Feature::zerocopy && slot.closed[index(other(side))] == 0 &&
           Connection::Clock::now() < deadline)
        std::this_thread::sleep_for(1ms);
    slot.finished[index(side)].store(1, std::memory_order_release);
}

}  // namespace meshd::shapes
