// SPDX-License-Identifier: Apache-2.0
// The maps as a person wants to see them: how large, how full, how much memory.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "kernel/datapath.hpp"
#include "reconcile/realized_state.hpp"

namespace meshd::app {

struct MapFill {
    kernel::MapInfo info;
    std::string kind;
    std::string purpose;
    std::int64_t entries = -1;  // -1: nobody counts them
};

base::Result<std::vector<MapFill>> map_fills(const kernel::Datapath& datapath, const reconcile::RealizedState& realized);
base::Result<boost::json::object> map_views(const kernel::Datapath& datapath, const reconcile::RealizedState& realized);

}  // namespace meshd::app
