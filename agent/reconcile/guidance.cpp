// SPDX-License-Identifier: Apache-2.0
#include "reconcile/guidance.hpp"

#include <algorithm>

namespace meshd::reconcile {

namespace {

using model::Balancing;

std::uint8_t encode(model::HashBy hash) {
    switch (hash) {
        case model::HashBy::workload:
            return MD_HASH_WORKLOAD;
        case model::HashBy::connection:
            return MD_HASH_CONNECTION;
        case model::HashBy::source:
            break;
    }
    return MD_HASH_SOURCE;
}

// Rounded up: a share that would be a whole number of backends is one.
std::uint16_t share(std::uint8_t percent) { return static_cast<std::uint16_t>((percent * MD_SHARE_ONE + 99) / 100); }

}  // namespace

md_pick pick_of(Balancing balancing) {
    switch (balancing) {
        case Balancing::round_robin:
        case Balancing::weighted:
            return MD_PICK_CYCLE;
        case Balancing::maglev:
            return MD_PICK_MAGLEV;
        case Balancing::least_connections:
            return MD_PICK_LEAST;
        case Balancing::latency:
            return MD_PICK_LATENCY;
        case Balancing::random:
            break;
    }
    return MD_PICK_RANDOM;
}

std::uint8_t guided_of(const model::Service& service, const std::optional<md_balancing>& guidance) {
    if (!guidance) return 0;
    const bool by_source = service.balancing == Balancing::maglev || guidance->affinity_s != 0;
    return by_source ? MD_GUIDED | MD_GUIDED_BY_SOURCE : MD_GUIDED;
}

std::optional<md_balancing> guidance_of(const model::Service& service, std::size_t usable, bool panic) {
    const auto& options = service.balancing_options;
    const bool is_needed = service.balancing == Balancing::maglev || service.balancing == Balancing::latency ||
                           options.slow_start_ms != 0 || options.affinity_s != 0 || options.prefer != model::Near::anywhere ||
                           service.health.eject;
    if (!is_needed) return std::nullopt;
    md_balancing value{};
    value.failure_penalty_us = std::min<std::uint32_t>(options.failure_penalty_ms, UINT32_MAX / 1000) * 1000;
    value.slow_start_ms = options.slow_start_ms;
    value.affinity_s = options.affinity_s;
    value.spill_open = options.spill_open;
    value.backends = static_cast<std::uint16_t>(std::min<std::size_t>(usable, UINT16_MAX));
    value.hash_by = encode(options.hash);
    value.prefers_local = options.prefer != model::Near::anywhere ? 1 : 0;
    if (!service.health.eject || panic) return value;
    value.eject_ms = service.health.eject->base_ms;
    value.eject_longest_ms = service.health.eject->longest_ms;
    value.eject_row = service.health.eject->consecutive;
    value.eject_rate = share(service.health.eject->rate_percent);
    value.eject_most = share(service.health.eject->most_percent);
    return value;
}

}  // namespace meshd::reconcile
