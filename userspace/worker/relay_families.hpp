// SPDX-License-Identifier: Apache-2.0
// How the relay does, as Prometheus reads it.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "ktls/self_test.hpp"
#include "relay/engine.hpp"

namespace meshd::worker {

// `is_used`: by connections of this worker.
prometheus::MetricFamily kernel_tls_family(const ktls::Verdict& verdict, bool is_used);
std::vector<prometheus::MetricFamily> relay_families(const relay::Figures& figures);

}  // namespace meshd::worker
