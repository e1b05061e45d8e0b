// SPDX-License-Identifier: Apache-2.0
// How the services of this host that are announced stand, as people and Prometheus read it.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>
#include <boost/json/array.hpp>

#include "announce/announcements.hpp"

namespace meshd::worker {

// The items of GET /v1/announcements, docs/api.md.
boost::json::array announcements_json(const std::vector<announce::View>& views);

std::vector<prometheus::MetricFamily> announcement_families(const announce::Announcements& announcements);

}  // namespace meshd::worker
