// SPDX-License-Identifier: Apache-2.0
#include "app/backend_figures.hpp"

#include <algorithm>

#include "kernel/vitals.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

std::optional<kernel::Vitals> vitals_of(const Context& context, std::uint32_t backend_id) {
    return backend_id != 0 ? kernel::read_vitals(*context.datapath, backend_id) : std::nullopt;
}

}  // namespace

bool is_near(const reconcile::KernelService& service, std::uint32_t backend_id) {
    if (service.table.empty()) return false;
    const auto& head = service.table.front().table;
    const auto has = [&](std::size_t first, std::size_t count) {
        const auto slots = std::span(service.table).subspan(first, count);
        return std::any_of(slots.begin(), slots.end(), [&](const md_slot& slot) { return slot.backend_id == backend_id; });
    };
    return has(0, head.near_v4) || has(head.slots_v4, head.near_v6);
}

void add_score(const Context& context, const reconcile::KernelService* service, std::uint32_t backend_id, std::uint16_t weight,
               json::object& row) {
    const auto vitals = vitals_of(context, backend_id);
    row["open"] = vitals ? vitals->open : 0;
    row["score"] = nullptr;
    row["near"] = service != nullptr && is_near(*service, backend_id);
    if (!vitals || service == nullptr || service->table.empty()) return;
    const auto* const balancing = service->balancing ? &*service->balancing : nullptr;
    if (const auto score = kernel::score_of(*vitals, service->table.front().table.pick, weight, balancing)) row["score"] = *score;
}

void add_vitals(const Context& context, std::uint32_t backend_id, json::object& row) {
    const auto vitals = vitals_of(context, backend_id);
    row["open"] = vitals ? vitals->open : 0;
    row["connect_us"] = vitals ? vitals->connect_us : 0;
    row["response_us"] = vitals ? vitals->response_us : 0;
    row["failures"] = vitals ? vitals->failures : 0.0;
}

}  // namespace meshd::app
