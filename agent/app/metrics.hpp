// SPDX-License-Identifier: Apache-2.0
// The agent's metrics as values; the worker turns them into text. docs/metrics.md lists them.
#pragma once

#include <boost/json/array.hpp>

#include "app/context.hpp"

namespace meshd::app {

// [{"name", "help", "kind", "samples": [{"labels", "value"} or {"labels", "count", "sum", "buckets"}]}]
boost::json::array metric_families(const Context& context);

}  // namespace meshd::app
