// SPDX-License-Identifier: Apache-2.0
// The listeners for clients from outside, as Prometheus reads them.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "relay/engine.hpp"
#include "worker/edge.hpp"

namespace meshd::worker {

prometheus::MetricFamily acme_family(const acme::Issuer::Counts& counts);
std::vector<prometheus::MetricFamily> edge_families(const Edge::Listeners& listeners, const relay::Figures& figures);

}  // namespace meshd::worker
