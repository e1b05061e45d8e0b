// SPDX-License-Identifier: Apache-2.0
// How the registries stand, as people and Prometheus read it.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>
#include <boost/json/array.hpp>

#include "worker/registries.hpp"

namespace meshd::worker {

// The items of GET /v1/registries, docs/api.md. At most channel::most_listed of each list, with the number of all.
boost::json::array registries_json(const std::vector<RegistryView>& views);

std::vector<prometheus::MetricFamily> registry_families(const std::vector<RegistryView>& views);

}  // namespace meshd::worker
