// SPDX-License-Identifier: Apache-2.0
#include "app/map_view.hpp"

#include <map>

#include <boost/json.hpp>

namespace meshd::app {

namespace json = boost::json;

namespace {

// Agent-owned maps hold what the agent has put there, so their fill is known without reading them.
std::int64_t entries_of(const std::string& name, const kernel::MapInfo& info, const reconcile::RealizedState& realized) {
    std::int64_t names = 0;
    std::int64_t tables = 0;
    for (const auto& [id, service] : realized.services()) {
        names += service.name ? 1 : 0;
        tables += service.table.empty() ? 0 : 1;
    }
    const std::map<std::string, std::int64_t> known{{"md_frontends", static_cast<std::int64_t>(realized.frontend_count())},
                                                    {"md_services", names},
                                                    {"md_tables", tables},
                                                    {"md_backends", static_cast<std::int64_t>(realized.backend_count())},
                                                    {"md_connects", static_cast<std::int64_t>(realized.backend_count()) + names},
                                                    {"md_cursors", names},
                                                    {"md_reasons", info.max_entries},
                                                    {"md_meta", 1}};
    const auto found = known.find(name);
    return found == known.end() ? -1 : found->second;
}

}  // namespace

base::Result<std::vector<MapFill>> map_fills(const kernel::Datapath& datapath, const reconcile::RealizedState& realized) {
    std::vector<MapFill> fills;
    base::Result<void> outcome;
    const auto add = [&](const char* name, const char* kind, const char* purpose) {
        auto info = datapath.map(name).info();
        if (!info) {
            outcome = tl::make_unexpected(info.error());
            return;
        }
        const auto entries = entries_of(name, *info, realized);
        fills.push_back({std::move(*info), kind, purpose, entries});
    };
#define X(name, kind, key, value, owner, purpose) add(#name, kind, purpose);
    MD_MAPS(X)
#undef X
    if (!outcome) return tl::make_unexpected(outcome.error());
    return fills;
}

base::Result<json::object> map_views(const kernel::Datapath& datapath, const reconcile::RealizedState& realized) {
    const auto fills = map_fills(datapath, realized);
    if (!fills) return tl::make_unexpected(fills.error());
    json::array rows;
    for (const auto& fill : *fills)
        rows.emplace_back(json::object{{"name", fill.info.name},
                                       {"type", fill.kind},
                                       {"id", fill.info.id},
                                       {"path", datapath.pins().map(fill.info.name)},
                                       {"max_entries", fill.info.max_entries},
                                       {"entries", fill.entries},
                                       {"key_size", fill.info.key_size},
                                       {"value_size", fill.info.value_size},
                                       {"memory_bytes", fill.info.memory_bytes},
                                       {"purpose", fill.purpose}});
    return json::object{{"maps", std::move(rows)}};
}

}  // namespace meshd::app
