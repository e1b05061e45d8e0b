// SPDX-License-Identifier: Apache-2.0
// Removes tracks that are over, and counts those that are not, also for the backends that they lead to: programs count those,
// too, but do not see each end. A little at a time, so that the agent's loop never waits for it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "forwarding/expiry.hpp"
#include "kernel/datapath.hpp"

namespace meshd::forwarding {

// As the last whole pass found them. Each connection has up to two tracks.
struct TrackCounts {
    std::uint64_t opening = 0;  // in md_opening
    std::uint64_t tracks = 0;   // in md_tracks
    std::uint64_t removed = 0;  // since the start
    std::uint64_t passes = 0;
    std::chrono::microseconds longest_step{0};

    bool operator==(const TrackCounts&) const = default;
};

class Sweeper {
public:
    // With the key of its requests; `reply`: nullptr: none was seen.
    using Aged = std::function<void(const md_track_key& key, const md_track& request, const md_track* reply)>;

    // The datapath must outlive it.
    Sweeper(boost::asio::io_context& io, const kernel::Datapath& datapath);

    void start(const TimeoutsNs& timeouts);  // or goes on with other times
    void stop();
    void on_aged(Aged aged) { aged_ = std::move(aged); }

    // One step: at most a batch of entries, in some milliseconds. True when it ended a pass.
    base::Result<bool> step();

    [[nodiscard]] const TrackCounts& counts() const { return counts_; }

private:
    struct Walk {
        const char* map;
        std::uint64_t TrackCounts::*count;
        kernel::Map::Cursor cursor = {};
        std::uint64_t alive = 0;
    };
    base::Result<bool> advance(Walk& walk);                            // true: at the end of its map
    const char* find(const md_track_key& key, md_track& track) const;  // the map that has it
    void count_open(std::uint32_t found);
    void correct_vitals(bool all);
    std::uint64_t remove_over(const kernel::Map& map, std::uint32_t found);
    void tell(const md_track_key& key, const md_track& track, const md_track_key& other_key, const md_track* other) const;
    void schedule(std::chrono::milliseconds delay);

    const kernel::Datapath& datapath_;
    boost::asio::steady_timer timer_;
    TimeoutsNs timeouts_{};
    std::array<Walk, 2> walks_;
    std::size_t at_ = 0;
    bool running_ = false;
    std::uint32_t batch_;
    std::vector<md_track_key> keys_;
    std::vector<md_track> values_;
    TrackCounts counts_;
    std::map<std::uint32_t, std::uint32_t> open_;  // by backend id: TCP connections that this pass has met
    std::set<std::uint32_t> met_;                  // backends that the pass before has met
    Aged aged_;
};

}  // namespace meshd::forwarding
