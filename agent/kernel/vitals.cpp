// SPDX-License-Identifier: Apache-2.0
#include "kernel/vitals.hpp"

#include <ctime>

#include "lib/score.h"

namespace meshd::kernel {

namespace {

std::uint64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000000000U + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

std::optional<Vitals> read_vitals(const Datapath& datapath, std::uint32_t backend_id) {
    Vitals vitals;
    const auto found = datapath.map("md_vitals").lookup(&backend_id, &vitals.raw);
    if (!found || !*found) return std::nullopt;
    vitals.now_ns = monotonic_ns();
    vitals.open = static_cast<std::int32_t>(md_open_of(&vitals.raw));
    vitals.connect_us = md_decayed(vitals.raw.connect_us, vitals.raw.connect_ns, vitals.now_ns);
    vitals.response_us = md_decayed(vitals.raw.response_us, vitals.raw.response_ns, vitals.now_ns);
    vitals.failures = static_cast<double>(md_decayed(vitals.raw.failures, vitals.raw.judged_ns, vitals.now_ns)) / MD_FAILURES_ONE;
    return vitals;
}

std::optional<double> score_of(const Vitals& vitals, std::uint8_t pick, std::uint16_t weight, const md_balancing* balancing) {
    if (pick == MD_PICK_LEAST) return static_cast<double>(md_least_score(&vitals.raw, weight)) / MD_ONE;
    if (pick != MD_PICK_LATENCY) return std::nullopt;
    const auto penalty = balancing != nullptr ? balancing->failure_penalty_us : 0;
    return static_cast<double>(md_latency_score(&vitals.raw, penalty, vitals.now_ns));
}

}  // namespace meshd::kernel
