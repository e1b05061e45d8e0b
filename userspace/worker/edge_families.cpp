// SPDX-License-Identifier: Apache-2.0
#include "worker/edge_families.hpp"

#include <string>

#include "worker/family.hpp"

namespace meshd::worker {

prometheus::MetricFamily acme_family(const acme::Issuer::Counts& counts) {
    Family family("meshd_acme_runs_total", "Certificates that were ordered by ACME, by how it ended.",
                  prometheus::MetricType::Counter);
    family.add({{"result", "issued"}}, counts.issued);
    family.add({{"result", "failed"}}, counts.failed);
    return family.take();
}

std::vector<prometheus::MetricFamily> edge_families(const Edge::Listeners& listeners, const relay::Figures& figures) {
    using prometheus::MetricType;
    Family open("meshd_edge_connections_open", "Connections of clients from outside now.", MetricType::Gauge);
    Family taken("meshd_edge_connections_total", "Connections that clients from outside have made.", MetricType::Counter);
    for (const auto& [name, listener] : listeners) {
        open.add({{"listener", name}}, listener->counts->open.load());
        taken.add({{"listener", name}}, listener->counts->taken.load());
    }
    Family refused("meshd_edge_refused_total", "Clients from outside that were not served, by why.", MetricType::Counter);
    for (std::size_t i = 0; i < relay::edge_refusals; ++i)
        refused.add({{"reason", std::string(relay::name(static_cast<relay::EdgeRefusal>(i)))}}, figures.edge_refused.at(i));
    std::vector<prometheus::MetricFamily> families;
    for (auto* const family : {&open, &taken, &refused})
        if (auto one = family->take(); !one.metric.empty()) families.push_back(std::move(one));
    return families;
}

}  // namespace meshd::worker
