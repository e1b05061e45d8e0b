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
#include "reconcile/realized_state.hpp"

namespace meshd::flows {

// Services and backends as they were when it was made: a value that another thread may read.
struct ServiceNames {
    std::unordered_map<std::uint32_t, reconcile::PortKey> services;
    std::unordered_map<std::uint32_t, md_endpoint> backends;  // not yet their texts: few of them are ever shown
    std::uint64_t generation = 0;                             // of the state that they are from
};
using ServiceNamesPtr = std::shared_ptr<const ServiceNames>;
ServiceNamesPtr service_names(const reconcile::RealizedState& realized);

std::string device_name(std::uint32_t index);  // empty: it has gone

// One flow as the control socket shows it: docs/api.md in code.
boost::json::object flow_json(const Flow& flow, const ServiceNames& names, CgroupNames& cgroups, std::uint64_t now_ns);

}  // namespace meshd::flows
