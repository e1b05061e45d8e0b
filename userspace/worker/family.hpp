// SPDX-License-Identifier: Apache-2.0
// A metric family that is filled sample by sample.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

namespace meshd::worker {

class Family {
public:
    Family(std::string name, std::string help, prometheus::MetricType type)
        : family_{std::move(name), std::move(help), type, {}} {}

    template <typename Number>
    void add(std::vector<prometheus::ClientMetric::Label> labels, Number value) {
        prometheus::ClientMetric sample;
        sample.label = std::move(labels);
        (family_.type == prometheus::MetricType::Counter ? sample.counter.value : sample.gauge.value) =
            static_cast<double>(value);
        family_.metric.push_back(std::move(sample));
    }
    prometheus::MetricFamily take() { return std::move(family_); }

private:
    prometheus::MetricFamily family_;
};

}  // namespace meshd::worker
