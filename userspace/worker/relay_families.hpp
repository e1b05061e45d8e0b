// SPDX-License-Identifier: Apache-2.0
// How the relay does, as Prometheus reads it.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "relay/engine.hpp"

namespace meshd::worker {

std::vector<prometheus::MetricFamily> relay_families(const relay::Figures& figures);

}  // namespace meshd::worker
