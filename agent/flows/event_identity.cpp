// SPDX-License-Identifier: Apache-2.0
#include "flows/event_identity.hpp"

#include <array>
#include <cstring>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace meshd::flows {

namespace {

// The finalizer of MurmurHash3 by Austin Appleby, in the public domain.
std::uint64_t mixed(std::uint64_t bits) {
    bits ^= bits >> 33U;
    bits *= 0xff51afd7ed558ccdU;
    bits ^= bits >> 33U;
    bits *= 0xc4ceb9fe1a85ec53U;
    return bits ^ (bits >> 33U);
}

}  // namespace

std::uint64_t flow_id(const md_flow_event& event) {
    constexpr std::size_t words = (sizeof(event.key) + 7) / 8;
    std::array<std::uint64_t, words> key{};
    std::memcpy(key.data(), &event.key, sizeof(event.key));
    auto id = mixed(event.flow.start_ns);
    for (const auto word : key) id = mixed(id ^ word);
    // Calls that are refused have no client in their key: many processes may make one in the same nanosecond.
    if (event.change == MD_FLOW_REFUSED) id = mixed(id ^ event.flow.cgroup);
    return id;
}

std::string id_text(std::uint64_t id) { return fmt::format("{:016x}", id); }

std::string event_time(const md_flow_event& event, std::uint64_t now_ns, std::chrono::system_clock::time_point now) {
    using std::chrono::microseconds;
    const auto happened = event.flow.seen_ns != 0 ? event.flow.seen_ns : event.flow.start_ns;
    const auto ago = happened < now_ns ? (now_ns - happened) / 1000U : 0;
    const auto since_epoch = std::chrono::duration_cast<microseconds>(now.time_since_epoch()) - microseconds(ago);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
    return fmt::format("{:%FT%T}.{:06}Z", fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                       (since_epoch - seconds).count());
}

}  // namespace meshd::flows
