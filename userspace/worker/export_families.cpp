// SPDX-License-Identifier: Apache-2.0
#include "worker/export_families.hpp"

#include <string>

#include "worker/family.hpp"

namespace meshd::worker {

std::vector<prometheus::MetricFamily> export_families(const exporters::Exporters& exporters) {
    using prometheus::MetricType;
    Family records("meshd_flow_export_records_total", "Events of flows that were written to the log, or taken by the collector.",
                   MetricType::Counter);
    Family left_out("meshd_flow_export_left_out_total", "Events of flows that the sample left out.", MetricType::Counter);
    Family dropped(
        "meshd_flow_export_dropped_total",
        "Events that were lost: before they came to the worker, since too many waited, or since the collector refused them.",
        MetricType::Counter);
    Family retries("meshd_flow_export_retries_total", "Writes and requests that were tried again.", MetricType::Counter);
    Family waiting("meshd_flow_export_queue_records", "Events that wait.", MetricType::Gauge);
    Family most("meshd_flow_export_queue_max_records", "Events that can wait.", MetricType::Gauge);
    Family error("meshd_flow_export_last_error_timestamp_seconds", "When something last failed; 0: never.", MetricType::Gauge);
    for (const auto& way : exporters.figures()) {
        const prometheus::ClientMetric::Label label{"exporter", std::string(way.name)};
        records.add({label}, way.counts.passed_on.load());
        left_out.add({label}, way.counts.left_out.load());
        dropped.add({label, {"reason", "untold"}}, way.counts.untold.load());
        dropped.add({label, {"reason", "queue_full"}}, way.counts.queue_full.load());
        dropped.add({label, {"reason", "refused"}}, way.counts.refused.load());
        retries.add({label}, way.counts.retries.load());
        waiting.add({label}, way.waiting);
        most.add({label}, way.most_waiting);
        error.add({label}, way.counts.last_error_s.load());
    }
    std::vector<prometheus::MetricFamily> families;
    for (auto* const family : {&records, &left_out, &dropped, &retries, &waiting, &most, &error})
        families.push_back(family->take());
    return families;
}

}  // namespace meshd::worker
