// SPDX-License-Identifier: Apache-2.0
// What the numbers of a flow are called.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include <boost/json/object.hpp>

#include "flows/cgroup_names.hpp"
#include "flows/flow.hpp"
#include "flows/pod_names.hpp"
#include "reconcile/realized_state.hpp"

namespace meshd::flows {

// Services, backends and pods as they were when it was made: a value that another thread may read.
struct Names {
    std::unordered_map<std::uint32_t, reconcile::PortKey> services;
    std::unordered_map<std::uint32_t, md_endpoint> backends;  // not yet their texts: few of them are ever shown
    PodNames pods;
    std::uint64_t generation = 0;  // of the state that services and backends are from
};
using NamesPtr = std::shared_ptr<const Names>;
NamesPtr names_of(const reconcile::RealizedState& realized, PodNames pods);

std::string device_name(std::uint32_t index);  // empty: it has gone

// One flow as the control socket shows it: docs/api.md in code.
boost::json::object flow_json(const Flow& flow, const Names& names, CgroupNames& cgroups, std::uint64_t now_ns);

}  // namespace meshd::flows
