// SPDX-License-Identifier: Apache-2.0
#include "forwarding/expiry.hpp"

#include <algorithm>
#include <chrono>

namespace meshd::forwarding {

namespace {

bool is_older(std::uint64_t seen_ns, std::uint64_t timeout_ns, std::uint64_t now_ns) {
    return seen_ns < now_ns && now_ns - seen_ns > timeout_ns;
}

}  // namespace

TimeoutsNs timeouts_ns(const config::TrackTimeouts& timeouts) {
    const auto ns = [](std::chrono::milliseconds time) {
        return static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
    };
    TimeoutsNs all{};
    all[MD_TRACK_OPENING] = ns(timeouts.opening);
    all[MD_TRACK_ESTABLISHED] = ns(timeouts.established);
    all[MD_TRACK_CLOSING] = ns(timeouts.closing);
    all[MD_TRACK_CLOSED] = ns(timeouts.closed);
    all[MD_TRACK_UDP] = ns(timeouts.udp);
    return all;
}

md_track_key other_way(const md_track& track) {
    return {track.destination, track.source, track.destination_port, track.source_port, 0, {}};
}

bool may_be_over(const md_track& track, const TimeoutsNs& timeouts, std::uint64_t now_ns) {
    return is_older(track.seen_ns, timeouts[std::min<std::size_t>(track.state, timeouts.size() - 1)], now_ns);
}

bool is_over(const md_track& track, const md_track* other, const TimeoutsNs& timeouts, std::uint64_t now_ns) {
    return may_be_over(track, timeouts, now_ns) && (other == nullptr || may_be_over(*other, timeouts, now_ns));
}

}  // namespace meshd::forwarding
