// SPDX-License-Identifier: Apache-2.0
// What exporters of flows did, as metrics.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "exporters/exporters.hpp"

namespace meshd::worker {

std::vector<prometheus::MetricFamily> export_families(const exporters::Exporters& exporters);

}  // namespace meshd::worker
