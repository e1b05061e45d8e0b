// SPDX-License-Identifier: Apache-2.0
#include "forwarding/sweeper.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <spdlog/spdlog.h>

#include "kernel/map_content.hpp"

namespace meshd::forwarding {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t least_batch = 256;
constexpr std::uint32_t most_batch = 4096;
constexpr auto longest_step = 2ms;  // aimed at; the batch shrinks and grows for it
constexpr auto between_steps = 10ms;
constexpr auto between_passes = 5s;
constexpr std::uint64_t passes_to_all = 12;  // every minute or so backends are looked at that no pass has met

std::uint64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

Sweeper::Sweeper(boost::asio::io_context& io, const kernel::Datapath& datapath)
    : datapath_(datapath),
      timer_(io),
      walks_{{{"md_opening", &TrackCounts::opening}, {"md_tracks", &TrackCounts::tracks}}},
      batch_(least_batch) {}

void Sweeper::start(const TimeoutsNs& timeouts) {
    timeouts_ = timeouts;
    if (running_) return;
    running_ = true;
    keys_.resize(most_batch);
    values_.resize(most_batch);
    schedule(between_steps);
}

void Sweeper::stop() {
    open_.clear();
    if (std::exchange(running_, false)) correct_vitals(true);
    timer_.cancel();
    keys_ = {};
    values_ = {};
    counts_.opening = counts_.tracks = 0;
}

void Sweeper::schedule(std::chrono::milliseconds delay) {
    timer_.expires_after(delay);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error || !running_) return;
        const auto ended = step();
        if (!ended) spdlog::warn("{}", ended.error().message());
        schedule(ended && !*ended ? between_steps : between_passes);
    });
}

base::Result<bool> Sweeper::step() {
    const auto start = std::chrono::steady_clock::now();
    auto& walk = walks_.at(at_);
    const auto at_end = advance(walk);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    counts_.longest_step = std::max(counts_.longest_step, took);
    batch_ = took > longest_step ? std::max(batch_ / 2, least_batch) : std::min(batch_ + least_batch, most_batch);
    if (!at_end) {
        walk.cursor = {};
        open_.clear();
        at_ = 0;
        return at_end;
    }
    if (!*at_end) return false;
    counts_.*walk.count = walk.alive;
    walk.cursor = {};
    at_ = (at_ + 1) % walks_.size();
    if (at_ == 0) {
        ++counts_.passes;
        correct_vitals(counts_.passes % passes_to_all == 1);
    }
    return at_ == 0;
}

base::Result<bool> Sweeper::advance(Walk& walk) {
    const auto map = datapath_.map(walk.map);
    if (!walk.cursor.begun) walk.alive = 0;
    std::uint32_t count = batch_;
    const auto at_end = map.step(walk.cursor, keys_.data(), values_.data(), count);
    if (!at_end && at_end.error().code == ENOSPC && batch_ < most_batch) {
        batch_ = most_batch;
        return false;
    }
    if (!at_end) return at_end;
    if (walk.count == &TrackCounts::tracks) count_open(count);
    walk.alive += count - remove_over(map, count);
    return at_end;
}

void Sweeper::count_open(std::uint32_t found) {
    for (std::uint32_t i = 0; i < found; ++i)
        if (values_[i].kind == MD_TRACK_REQUEST &&
            (values_[i].state == MD_TRACK_ESTABLISHED || values_[i].state == MD_TRACK_CLOSING))
            ++open_[values_[i].backend_id];
}

// What changed while the pass went on is counted wrongly, and rightly by the next.
void Sweeper::correct_vitals(bool all) {
    const auto map = datapath_.map("md_vitals");
    const auto open = std::exchange(open_, {});
    auto ids = std::exchange(met_, {});
    for (const auto& [id, count] : open) met_.insert(id);
    ids.insert(met_.begin(), met_.end());
    if (all) {
        const auto read = kernel::read_all<std::uint32_t, md_vitals>(map);
        if (!read) return spdlog::warn("{}", read.error().message());
        for (const auto& [id, one] : *read)
            if (one.forwarded != 0) ids.insert(id);
    }
    for (const auto id : ids) {
        md_vitals one{};
        if (const auto there = map.lookup(&id, &one); !there || !*there) continue;
        const auto found = open.find(id);
        const auto counted = found == open.end() ? 0 : static_cast<std::int32_t>(found->second);
        if (counted == one.forwarded) continue;
        const auto done = datapath_.ask(md_recount{.backend_id = id, .change = counted - one.forwarded, .found = 0});
        if (!done) return spdlog::warn("{}", done.error().message());
    }
}

// The directions of a connection move from one map to the other one after the other.
const char* Sweeper::find(const md_track_key& key, md_track& track) const {
    for (const auto& walk : walks_)
        if (const auto found = datapath_.map(walk.map).lookup(&key, &track); found && *found) return walk.map;
    return nullptr;
}

// Of what ended in the sight of the programs they have told.
void Sweeper::tell(const md_track_key& key, const md_track& track, const md_track_key& other_key, const md_track* other) const {
    if (!aged_ || track.state == MD_TRACK_OPENING || track.state == MD_TRACK_CLOSED) return;
    if (track.kind == MD_TRACK_REQUEST) aged_(key, track, other);
    if (track.kind == MD_TRACK_REPLY && other != nullptr) aged_(other_key, *other, &track);
}

std::uint64_t Sweeper::remove_over(const kernel::Map& map, std::uint32_t found) {
    const auto now = now_ns();
    std::uint64_t removed = 0;
    for (std::uint32_t i = 0; i < found; ++i) {
        if (!may_be_over(values_[i], timeouts_, now)) continue;
        auto other_key = other_way(values_[i]);
        other_key.protocol = keys_[i].protocol;
        // Both as they are now: since the batch was read, a packet may have come.
        md_track track{};
        md_track other{};
        if (const auto there = map.lookup(&keys_[i], &track); !there || !*there) continue;
        const auto* const place = find(other_key, other);
        if (!is_over(track, place != nullptr ? &other : nullptr, timeouts_, now)) continue;
        // The other one, when it is there, is over for the same reasons. It may be in a later batch, or have been in an earlier.
        tell(keys_[i], track, other_key, place != nullptr ? &other : nullptr);
        if (map.erase(&keys_[i])) ++removed;
        if (place != nullptr && datapath_.map(place).erase(&other_key)) ++counts_.removed;
    }
    counts_.removed += removed;
    return removed;
}

}  // namespace meshd::forwarding
