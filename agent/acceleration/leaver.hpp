// SPDX-License-Identifier: Apache-2.0
// Takes pairs that leave the short way out of the kernel's map, each end as soon as nothing waits in it and nothing is on its way
// to it. And makes up for what the short way kept from TCP, so that TCP goes on as if the short way had never been; also for
// pairs that stay, when they have to use TCP beside it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "acceleration/socket_owner.hpp"
#include "kernel/short_way.hpp"

namespace meshd::acceleration {

class Leaver {
public:
    Leaver(boost::asio::io_context& io, const kernel::ShortWay& short_way);

    // The pair has `left`: no program that begins now sends anything more by the short way. Or it has not, and a reader of it has
    // fallen behind: then it is only looked after until it has caught up.
    void add(std::uint64_t pair);

    // Pairs that have left and are not among these have closed. Those that are about to may be looked at again.
    void forget_all_but(const std::vector<std::pair<std::uint64_t, md_pair>>& open);

    [[nodiscard]] std::size_t leaving() const { return pairs_.size(); }
    [[nodiscard]] std::uint64_t woken() const { return woken_; }  // sockets that something was done for

private:
    using Clock = std::chrono::steady_clock;

    // What was done for an end.
    struct Mended {
        bool room = false;           // for TCP beside the bytes that wait, if it could be given
        unsigned announcements = 0;  // of what waits, once it was a plain socket again
    };
    struct Leaving {
        Clock::time_point since, next;
        Clock::duration delay;
        std::array<Mended, 2> ends;
    };

    void schedule();
    void tick();
    // True when nothing is left to be done for the pair, for the end.
    bool step(std::uint64_t pair, Leaving& leaving, Clock::time_point now, std::vector<HeldSocket>& needy);
    static bool step_end(const md_end_view& view, bool leaves, Mended& mended, std::vector<HeldSocket>& needy);

    const kernel::ShortWay& short_way_;
    boost::asio::steady_timer timer_;
    bool fresh_ = false;  // some were added since programs were last waited for
    std::map<std::uint64_t, Leaving> pairs_;
    std::set<std::uint64_t> finished_;  // open pairs that have left, wholly
    SocketOwner owner_;
    std::uint64_t woken_ = 0;
};

}  // namespace meshd::acceleration
