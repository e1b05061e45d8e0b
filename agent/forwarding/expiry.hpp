// SPDX-License-Identifier: Apache-2.0
// When a track is over. Pure.
#pragma once

#include <array>
#include <cstdint>

#include "config/forwarding.hpp"
#include "meshd/abi.h"

namespace meshd::forwarding {

using TimeoutsNs = std::array<std::uint64_t, MD_TRACK_STATES>;  // by md_track_state

TimeoutsNs timeouts_ns(const config::TrackTimeouts& timeouts);

// The key of the other direction of a connection.
md_track_key other_way(const md_track& track);

// Whether the track was not seen for as long as its state allows.
bool may_be_over(const md_track& track, const TimeoutsNs& timeouts, std::uint64_t now_ns);

// Whether neither it nor the other direction was. `other`: the track of that, nullptr when there is none.
bool is_over(const md_track& track, const md_track* other, const TimeoutsNs& timeouts, std::uint64_t now_ns);

}  // namespace meshd::forwarding
