// SPDX-License-Identifier: Apache-2.0
// What this process costs.
#pragma once

#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

namespace meshd::telemetry {

// PREFIX_resident_memory_bytes, PREFIX_cpu_seconds_total and PREFIX_start_time_seconds. What cannot be read is left out.
std::vector<prometheus::MetricFamily> process_families(std::string_view prefix);

}  // namespace meshd::telemetry
