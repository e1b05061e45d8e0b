// SPDX-License-Identifier: Apache-2.0
#include "acceleration/leaver.hpp"

#include <algorithm>
#include <utility>

#include <linux/membarrier.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace meshd::acceleration {

namespace {

using namespace std::chrono_literals;

constexpr auto first_delay = 1ms;
constexpr auto longest_delay = 100ms;   // a reader that sleeps on uncounted bytes waits at most this long, and a little
constexpr unsigned announcements = 24;  // over some 1.5 s: on a busy machine a reader may not get to run for that long
constexpr auto server_due = 1s;         // a server that is not enrolled by then never is

// What TCP may put beside the bytes of the short way that still wait.
constexpr std::uint32_t room_for_tcp = 256U << 10U;

// Waits until every program that is running now has ended: the kernel waits for a grace period of RCU.
void wait_for_running_programs() { ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); }

HeldSocket held(const md_end_view& view, HeldSocket::Need need, std::uint32_t bytes = 0) {
    return {view.inode, view.cookie, static_cast<pid_t>(view.process), need, bytes};
}

// Bytes of the short way fill the receiver's buffer: TCP would drop what comes beside them, and its sender would try again later
// and later.
bool lacks_room(const md_end_view& receiver) {
    return receiver.state == MD_END_ENROLLED && receiver.queue_empty == 0 && receiver.inode != 0 &&
           receiver.waiting + room_for_tcp / 2 > receiver.receive_buffer;
}

// The receiver has read everything that TCP brought, but announced a closed window while bytes of the short way filled its
// memory. As it takes those without TCP, TCP announces nothing new before the sender's next probe, which may be seconds away.
bool waits_for_window(const md_end_view& sender, const md_end_view& receiver) {
    return receiver.state != MD_END_NONE && receiver.unread == 0 && receiver.waiting < receiver.receive_buffer &&
           sender.blocked != 0 && sender.inode != 0;
}

}  // namespace

Leaver::Leaver(boost::asio::io_context& io, const kernel::ShortWay& short_way) : short_way_(short_way), timer_(io) {}

void Leaver::add(std::uint64_t pair) {
    if (finished_.contains(pair)) return;
    const auto now = Clock::now();
    if (!pairs_.try_emplace(pair, Leaving{now, now, first_delay, {}}).second) return;
    fresh_ = true;
    schedule();
}

void Leaver::forget_all_but(const std::vector<std::pair<std::uint64_t, md_pair>>& open) {
    std::set<std::uint64_t> still;
    for (const auto& [id, pair] : open)
        if (pair.closed == 0 && finished_.contains(id)) still.insert(id);
    finished_ = std::move(still);
}

void Leaver::schedule() {
    if (pairs_.empty()) return;
    const auto first = std::min_element(pairs_.begin(), pairs_.end(),
                                        [](const auto& a, const auto& b) { return a.second.next < b.second.next; });
    timer_.expires_at(first->second.next);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) tick();
    });
}

void Leaver::tick() {
    if (std::exchange(fresh_, false)) wait_for_running_programs();
    const auto now = Clock::now();
    std::vector<HeldSocket> needy;
    for (auto entry = pairs_.begin(); entry != pairs_.end();) {
        auto& [pair, leaving] = *entry;
        if (leaving.next > now) {
            ++entry;
        } else if (step(pair, leaving, now, needy)) {
            entry = pairs_.erase(entry);
        } else {
            leaving.delay = std::min<Clock::duration>(leaving.delay * 3 / 2, longest_delay);
            leaving.next = now + leaving.delay;
            ++entry;
        }
    }
    if (!needy.empty()) {
        const auto count = needy.size();
        const auto missed = owner_.serve(std::move(needy)).size();
        woken_ += count - missed;
        spdlog::debug("short way: {} sockets woken or mended, {} not found", count - missed, missed);
    }
    schedule();
}

bool Leaver::step(std::uint64_t pair, Leaving& leaving, Clock::time_point now, std::vector<HeldSocket>& needy) {
    const auto view = short_way_.look(pair, MD_TAKE_OUT);
    if (!view) {
        spdlog::debug("{}", view.error().message());
        return false;
    }
    if (view->found == 0) return true;
    const bool leaves = view->value.left != 0;
    bool done = true;
    for (std::size_t side = 0; side < leaving.ends.size(); ++side) {
        const auto& end = view->ends[side];
        const auto& sender = view->ends[1 - side];
        done &= step_end(end, leaves, leaving.ends[side], needy);
        if (!waits_for_window(sender, end)) continue;
        needy.push_back(held(sender, HeldSocket::Need::window));
        done = false;
    }
    if (!leaves) return done;
    const bool server_may_come = view->value.ends[MD_SERVER].cookie == 0 && now - leaving.since < server_due;
    if (!done || server_may_come) return false;
    if (const auto last = short_way_.look(pair, MD_TAKE_OUT | MD_FORGET_PAIR); !last) return false;
    finished_.insert(pair);
    return true;
}

// A reader may have been told that nothing waits, or less than does, the moment before its socket was taken out, and sleep on
// that or be about to: it is told anew, and more than once, for it may have been between two calls for some time. Nobody sees
// whether it knows of the end. What comes later announces itself.
bool Leaver::step_end(const md_end_view& view, bool leaves, Mended& mended, std::vector<HeldSocket>& needy) {
    if (view.state == MD_END_NONE) return true;
    if (lacks_room(view) && !std::exchange(mended.room, true))
        needy.push_back(held(view, HeldSocket::Need::room, static_cast<std::uint32_t>(view.waiting) + room_for_tcp));
    if (view.state == MD_END_ENROLLED) return !leaves && view.queue_empty != 0;
    if (view.unread == 0 && view.at_end == 0) return true;
    if (mended.announcements == announcements) return true;
    ++mended.announcements;
    if (view.inode != 0) needy.push_back(held(view, HeldSocket::Need::announcement));
    return mended.announcements == announcements;
}

}  // namespace meshd::acceleration
