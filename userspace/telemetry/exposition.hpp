// SPDX-License-Identifier: Apache-2.0
// From the metrics form, which the agent speaks, to the text that Prometheus reads. The form:
//   {"families": [{"name", "help", "kind": "gauge" | "counter" | "histogram", "samples": [SAMPLE…]}]}
//   SAMPLE of a gauge or counter: {"labels": {NAME: text…}, "value": number}
//   SAMPLE of a histogram: {"labels", "count", "sum", "buckets": [[upper bound, cumulative count]…]}, the bucket of +Inf left out
// A family may be there several times (it came in parts): its samples are put together.
#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include <boost/json/object.hpp>

#include "base/error.hpp"

namespace meshd::telemetry {

struct Exposition {
    std::vector<prometheus::MetricFamily> families;
    // Families that are not as the form or Prometheus' rules want them, each left out whole: one error for each.
    std::vector<base::Error> refused;
};

// Fails when this is not the form at all; a family that is wrong costs only itself.
base::Result<Exposition> from_json(const boost::json::object& form);

// A family with one sample, without labels.
prometheus::MetricFamily gauge(std::string name, std::string help, double value);
prometheus::MetricFamily counter(std::string name, std::string help, double value);

// Version 0.0.4 of the text format; content_type is what to serve it as.
std::string to_text(const std::vector<prometheus::MetricFamily>& families);
inline constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace meshd::telemetry
