// SPDX-License-Identifier: Apache-2.0
#include "worker/announcement_report.hpp"

#include <map>
#include <string>

#include <boost/json.hpp>

#include "base/time_text.hpp"
#include "worker/family.hpp"

namespace meshd::worker {

namespace json = boost::json;

namespace {

std::string state_name(announce::State state) { return std::string(announce::state_names.at(static_cast<std::size_t>(state))); }

}  // namespace

json::array announcements_json(const std::vector<announce::View>& views) {
    constexpr std::size_t longest_text = 1024;
    json::array all;
    for (const auto& view : views)
        all.push_back(json::object{{"id", view.id},
                                   {"name", view.name},
                                   {"registry", view.registry},
                                   {"kind", view.kind},
                                   {"address", view.endpoint.address.text()},
                                   {"port", view.endpoint.port},
                                   {"state", state_name(view.state)},
                                   {"error", view.error.substr(0, longest_text)},
                                   {"since", base::time_text(view.since)},
                                   {"probe", view.probe.substr(0, longest_text)},
                                   {"known", view.is_known}});
    return all;
}

std::vector<prometheus::MetricFamily> announcement_families(const announce::Announcements& announcements) {
    using prometheus::MetricType;
    Family states("meshd_announcements", "Services of this host that are announced, by registry and state.", MetricType::Gauge);
    Family failures("meshd_announcement_failures_total", "Requests about announcements that failed or were refused.",
                    MetricType::Counter);
    std::map<std::string, std::map<std::string, std::size_t>> counts;
    for (const auto& [registry, count] : announcements.failures()) {
        for (const auto state : announce::state_names) counts[registry][std::string(state)] = 0;
        failures.add({{"registry", registry}}, count);
    }
    for (const auto& view : announcements.views()) ++counts[view.registry][state_name(view.state)];
    for (const auto& [registry, by_state] : counts)
        for (const auto& [state, count] : by_state) states.add({{"registry", registry}, {"state", state}}, count);
    std::vector<prometheus::MetricFamily> families;
    for (auto* const family : {&states, &failures})
        if (auto one = family->take(); !one.metric.empty()) families.push_back(std::move(one));
    return families;
}

}  // namespace meshd::worker
