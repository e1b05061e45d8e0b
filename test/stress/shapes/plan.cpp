// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include <algorithm>
#include <stdexcept>

namespace meshd::shapes {

namespace {

constexpr std::uint64_t kib = 1024, mib = 1024 * kib;
constexpr std::uint32_t most_messages = 256;
constexpr std::uint64_t most_reads = 2000;  // calls of one reader

// Most connections are small, so that many fit into a run; the tail fills every buffer there is.
std::uint64_t draw_total(Mix sizes, Draw& draw) {
    if (sizes == Mix::small) return draw.log_uniform(1, 16 * kib);
    if (sizes == Mix::bulk) return draw.log_uniform(256 * kib, 32 * mib);
    const auto ticket = draw.below(1000);
    if (ticket < 3) return draw.log_uniform(2 * mib, 16 * mib);
    if (ticket < 43) return draw.log_uniform(256 * kib, 2 * mib);
    if (ticket < 250) return draw.log_uniform(16 * kib, 256 * kib);
    return draw.log_uniform(1, 16 * kib);
}

Outgoing draw_outgoing(std::uint64_t total, Draw& draw) {
    Outgoing made;
    made.seed = draw.next();
    made.limit = static_cast<std::uint32_t>(draw.log_uniform(std::max<std::uint64_t>(total / 64, 1), std::min(total, 4 * mib)));
    made.all_of_limit = draw.percent(30);
    made.count =
        static_cast<std::uint32_t>(std::clamp<std::uint64_t>(total / made.limit * (made.all_of_limit ? 1 : 4), 1, most_messages));
    return made;
}

void set_total(Outgoing& outgoing) {
    outgoing.total = 0;
    for (const auto size : outgoing.sizes()) outgoing.total += size;
}

void draw_traffic(Plan& plan, Mix sizes, Draw& draw) {
    auto& opening = plan.outgoing[index(plan.first)];
    auto& answering = plan.outgoing[index(other(plan.first))];
    opening = draw_outgoing(draw_total(sizes, draw), draw);
    if (plan.talk == Feature::stream)
        answering.seed = draw.next();
    else
        answering = draw_outgoing(draw_total(sizes, draw), draw);
    if (plan.talk == Feature::turns) opening.count = answering.count = std::min({opening.count, answering.count, 64U});
    for (auto& one : plan.outgoing) set_total(one);
}

bool fit(Feature take, Feature wait) {
    if (take == Feature::waitall) return wait == Feature::blocking;  // the flag means nothing to a non-blocking socket
    // Only of these does less than was asked for say that nothing is left.
    if (wait == Feature::fionread) return take == Feature::recv || take == Feature::readv;
    return true;
}

// Small buffers make small segments: what passes through one is bounded, so that a connection does not last for ever. 0: as the
// system has it.
std::uint32_t draw_buffer(std::uint64_t least, std::uint64_t bytes, Draw& draw) {
    constexpr std::uint64_t most = 64 * kib;
    constexpr std::uint64_t times_filled = 32;
    least = std::max(least, bytes / times_filled);
    return least > most ? 0 : static_cast<std::uint32_t>(draw.log_uniform(least, most));
}

Seat draw_seat(const Menu& menu, std::uint64_t incoming, std::uint64_t outgoing, Draw& draw) {
    Seat seat;
    seat.write = menu.pick(Group::write, draw);
    seat.pace = menu.pick(Group::pace, draw);
    for (int tries = 0; tries == 0 || !fit(seat.take, seat.wait); ++tries) {
        if (tries == 1000) throw std::invalid_argument("these ways to take bytes do not go with these ways to wait for them");
        seat.take = menu.pick(Group::take, draw);
        seat.wait = menu.pick(Group::wait, draw);
    }
    seat.chunk = static_cast<std::uint32_t>(
        draw.log_uniform(std::max<std::uint64_t>(incoming / most_reads, 1), std::max(incoming / most_reads, 64 * kib)));
    seat.late_ms = static_cast<std::uint32_t>(seat.pace == Feature::late ? draw.log_uniform(5, 250) : 0);
    seat.pauses = static_cast<std::uint32_t>(seat.pace == Feature::slow ? draw.between(1, 30) : 0);
    // A blocking recv() that has taken a part of the low-water mark waits for a whole mark more (tcp_data_ready() counts what is
    // queued): Linux stalls there by itself. io_uring's recv may block too, on a socket of either kind.
    if (menu.option(Feature::rcvlowat, draw) && seat.wait != Feature::blocking && seat.take != Feature::uring_recv)
        seat.low_water = static_cast<std::uint32_t>(draw.log_uniform(2, 32 * kib));
    if (menu.option(Feature::small_rcvbuf, draw)) seat.receive_buffer = draw_buffer(8 * kib, incoming, draw);
    if (menu.option(Feature::small_sndbuf, draw)) seat.send_buffer = draw_buffer(4 * kib, outgoing, draw);
    seat.nodelay = menu.option(Feature::nodelay, draw);
    seat.cork = menu.option(Feature::cork, draw);
    seat.signals = menu.option(Feature::signals, draw);
    return seat;
}

std::string describe(const Plan& plan, Side side) {
    const auto& seat = plan.seat(side);
    std::string text = side == Side::client ? "client(" : "server(";
    text += std::to_string(plan.from(side).total) + " B";
    if (plan.from(side).total > 0) text += ' ' + std::string(name(seat.write));
    text += ' ' + std::string(name(seat.take)) + ' ' + std::string(name(seat.wait)) + ' ' + std::string(name(seat.pace));
    text += " chunk=" + std::to_string(seat.chunk);
    if (seat.low_water != 0) text += " rcvlowat=" + std::to_string(seat.low_water);
    if (seat.receive_buffer != 0) text += " rcvbuf=" + std::to_string(seat.receive_buffer);
    if (seat.send_buffer != 0) text += " sndbuf=" + std::to_string(seat.send_buffer);
    if (seat.nodelay) text += " nodelay";
    if (seat.cork) text += " cork";
    if (seat.signals) text += " signals";
    return text + ')';
}

}  // namespace

std::vector<std::uint32_t> Outgoing::sizes() const {
    std::vector<std::uint32_t> drawn(count);
    Draw draw(seed);
    for (auto& size : drawn) size = all_of_limit ? limit : static_cast<std::uint32_t>(draw.log_uniform(1, limit));
    return drawn;
}

Mix parse_mix(std::string_view text) {
    if (text == "mixed") return Mix::mixed;
    if (text == "small") return Mix::small;
    if (text == "bulk") return Mix::bulk;
    throw std::invalid_argument("expected mixed, small or bulk, found \"" + std::string(text) + '"');
}

Plan make_plan(const Menu& menu, Mix sizes, std::uint64_t seed, std::uint64_t number) {
    Draw draw(mix(seed + 1) ^ mix(number + 0x5bd1e995));
    Plan plan;
    plan.number = number;
    plan.talk = menu.pick(Group::talk, draw);
    plan.first = menu.pick(Group::first, draw) == Feature::client_first ? Side::client : Side::server;
    plan.end = menu.pick(Group::end, draw);
    plan.ender = draw.percent(50) ? Side::client : Side::server;
    draw_traffic(plan, sizes, draw);
    for (const auto side : {Side::client, Side::server})
        plan.seats[index(side)] = draw_seat(menu, plan.from(other(side)).total, plan.from(side).total, draw);
    // Within a host, bytes of MSG_ZEROCOPY take whole pages of both ends' buffers until they are read: plain TCP itself stalls
    // for more than a second, or for good, before a low-water mark is reached or where the receive buffer is small.
    for (const auto side : {Side::client, Side::server})
        if (plan.seat(other(side)).write == Feature::zerocopy)
            plan.seats[index(side)].low_water = plan.seats[index(side)].receive_buffer = 0;
    const auto sent = plan.from(plan.ender).total;
    plan.reset_at = draw.between(0, sent > 0 ? sent : plan.from(other(plan.ender)).total);
    return plan;
}

Features features_of(const Plan& plan) {
    Features used;
    used.add(plan.talk);
    used.add(plan.first == Side::client ? Feature::client_first : Feature::server_first);
    used.add(plan.end);
    for (const auto side : {Side::client, Side::server}) {
        const auto& seat = plan.seat(side);
        used.add(seat.wait);
        if (plan.from(side).total > 0) {
            used.add(seat.write);
            if (seat.cork) used.add(Feature::cork);
            if (seat.nodelay) used.add(Feature::nodelay);
            if (seat.send_buffer != 0) used.add(Feature::small_sndbuf);
        }
        if (plan.from(other(side)).total > 0) {
            used.add(seat.take);
            used.add(seat.pace);
            if (seat.low_water != 0) used.add(Feature::rcvlowat);
            if (seat.receive_buffer != 0) used.add(Feature::small_rcvbuf);
        }
        if (seat.signals) used.add(Feature::signals);
    }
    return used;
}

std::string describe(const Plan& plan) {
    std::string text = std::string(name(plan.talk)) + ' ' + (plan.first == Side::client ? "client-first " : "server-first ");
    text += std::string(name(plan.end)) + " by " + (plan.ender == Side::client ? "client" : "server");
    if (plan.end == Feature::reset) text += " at " + std::to_string(plan.reset_at);
    return text + ", " + describe(plan, Side::client) + ", " + describe(plan, Side::server);
}

}  // namespace meshd::shapes
