// SPDX-License-Identifier: Apache-2.0
// Which flow an event is of, and when it happened. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "meshd/abi.h"

namespace meshd::flows {

// The same for every event of one flow, and evenly spread over all numbers, so that a part of the flows can be chosen by it.
std::uint64_t flow_id(const md_flow_event& event);
std::string id_text(std::uint64_t id);  // 16 digits of hexadecimal

// RFC 3339 in UTC with microseconds. `now_ns` of CLOCK_MONOTONIC is `now`.
std::string event_time(const md_flow_event& event, std::uint64_t now_ns, std::chrono::system_clock::time_point now);

}  // namespace meshd::flows
