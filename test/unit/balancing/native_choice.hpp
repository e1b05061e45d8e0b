// SPDX-License-Identifier: Apache-2.0
// The core of the choice (bpf/lib/pick.h), compiled for this machine, on tables and vitals in memory.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "lib/pick.h"
#include "reconcile/maglev.hpp"
#include "reconcile/table.hpp"

namespace meshd::reconcile {

// What the functions that the core asks for look into: one service at a time.
struct NativeMaps {
    std::vector<md_slot> table;
    std::vector<md_maglev> maglev;
    std::map<std::uint32_t, md_vitals> vitals;  // by backend id
};

inline NativeMaps* native_maps = nullptr;

// As md_choose() does for an IPv4 destination. 0: none.
inline std::uint32_t choose_natively(NativeMaps& maps, const md_draw& draw, const md_balancing* balancing) {
    native_maps = &maps;
    const auto& head = maps.table.front().table;
    md_choosing choosing{};
    choosing.draw = draw;
    choosing.range.slots = &maps;
    choosing.range.count = head.slots_v4;
    choosing.range.near = head.near_v4 != 0 ? head.near_v4 : head.slots_v4;
    choosing.range.pick = head.pick;
    choosing.range.is_v4 = 1;
    md_guide(&choosing, balancing);
    md_picked picked{};
    if (choosing.range.pick == MD_PICK_MAGLEV) {
        if (const auto id = md_draw_hashed(&choosing, &picked); id != 0) return id;
        choosing.draw.seed = choosing.draw.hash;
    }
    md_pick_slot(&choosing, &picked);
    return picked.backend_id;
}

}  // namespace meshd::reconcile

inline const md_slot* md_slot_at(void* slots, __u32 index) {
    const auto& table = static_cast<meshd::reconcile::NativeMaps*>(slots)->table;
    return index < table.size() ? &table[index] : nullptr;
}

inline md_vitals* md_vitals_of(__u32 backend_id) {
    auto& vitals = meshd::reconcile::native_maps->vitals;
    const auto found = vitals.find(backend_id);
    return found == vitals.end() ? nullptr : &found->second;
}

inline __u32 md_maglev_at(const md_range* range, __u32 hash, __u32* place) {
    const auto& rows = meshd::reconcile::native_maps->maglev;
    const auto size = rows.empty() ? 0 : range->is_v4 != 0 ? rows.front().size_v4 : rows.front().size_v6;
    if (size == 0) return 0;
    *place = (range->is_v4 != 0 ? 0 : rows.front().size_v4) + hash % size;
    return rows[*place / MD_MAGLEV_ROW].backends[*place % MD_MAGLEV_ROW];
}
