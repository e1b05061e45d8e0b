// SPDX-License-Identifier: Apache-2.0
#include "worker/registry_report.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/time_text.hpp"
#include "channel/messages.hpp"
#include "worker/family.hpp"

namespace meshd::worker {

namespace json = boost::json;
using channel::most_listed;

namespace {

std::string_view state_of(const RegistryView& view) {
    if (!view.error.empty()) return "failing";
    if (view.answered) return "ok";
    return view.last_answer ? "remembered" : "connecting";
}

template <typename List, typename ToJson>
json::array listed(const List& list, ToJson to_json) {
    json::array items;
    for (const auto& one : list) {
        if (items.size() == most_listed) break;
        items.push_back(to_json(one));
    }
    return items;
}

json::object figures_json(const registry::IntakeFigures& figures) {
    json::object failures;
    for (std::size_t i = 0; i < registry::failure_names.size(); ++i) failures[registry::failure_names[i]] = figures.failures[i];
    return {{"events", figures.events},       {"changes", figures.changes},       {"syncs", figures.syncs},
            {"held", figures.held},           {"held_taken", figures.held_taken}, {"held_withdrawn", figures.held_withdrawn},
            {"failures", std::move(failures)}};
}

}  // namespace

json::array registries_json(const std::vector<RegistryView>& views) {
    json::array all;
    for (const auto& view : views) {
        auto refused = listed(view.refused, [](const auto& one) {
            return json::object{{"object", one.first}, {"error", one.second.substr(0, 1024)}};
        });
        auto hidden = listed(view.hidden, [](const auto& one) {
            return json::object{{"service", one.first}, {"by", one.second.by}, {"why", one.second.why}};
        });
        auto held = listed(view.held, [](const registry::Held& one) {
            return json::object{{"what", one.what}, {"from", one.from}, {"to", one.to}, {"since", base::time_text(one.since)}};
        });
        auto missed = listed(view.missed.services, [](const std::string& name) { return json::value(name); });
        all.push_back(json::object{{"name", view.name},
                                   {"kind", view.kind},
                                   {"state", state_of(view)},
                                   {"error", view.error.substr(0, 1024)},
                                   {"since", base::time_text(view.since)},
                                   {"last_answer", view.last_answer ? base::time_text(*view.last_answer) : std::string{}},
                                   {"last_answer_unix", view.last_answer ? base::unix_seconds(*view.last_answer) : 0},
                                   {"services", view.services},
                                   {"backends", view.backends},
                                   {"queries", view.queries},
                                   {"refused_count", view.refused.size()},
                                   {"refused", std::move(refused)},
                                   {"hidden_count", view.hidden.size()},
                                   {"hidden", std::move(hidden)},
                                   {"held_count", view.held.size()},
                                   {"held", std::move(held)},
                                   {"missed_total", view.missed.total},
                                   {"missed_at", view.missed.at ? base::time_text(*view.missed.at) : std::string{}},
                                   {"missed", std::move(missed)},
                                   {"figures", figures_json(view.figures)}});
    }
    return all;
}

std::vector<prometheus::MetricFamily> registry_families(const std::vector<RegistryView>& views) {
    using prometheus::MetricType;
    Family up("meshd_registry_up", "1 while the registry answers.", MetricType::Gauge);
    Family answer("meshd_registry_last_answer_timestamp_seconds",
                  "When the registry last answered, in seconds since the epoch: the age of the view. 0: never.",
                  MetricType::Gauge);
    Family services("meshd_registry_services", "Services that the registry has.", MetricType::Gauge);
    Family backends("meshd_registry_backends", "Backends of its services and of its answers to queries.", MetricType::Gauge);
    Family refused("meshd_registry_refused_objects", "Objects of the registry that were refused.", MetricType::Gauge);
    Family hidden("meshd_registry_hidden_services", "Services that another registry has.", MetricType::Gauge);
    Family held("meshd_registry_held_removals", "Removals that are held back at this moment.", MetricType::Gauge);
    Family held_total("meshd_registry_held_removals_total", "Removals that were held back, by what became of them.",
                      MetricType::Counter);
    Family events("meshd_registry_events_total", "Answers and notifications that said something.", MetricType::Counter);
    Family changes("meshd_registry_changes_total", "Changes of services and of answers to queries that came of them.",
                   MetricType::Counter);
    Family syncs("meshd_registry_syncs_total", "Full answers that were compared with what was known.", MetricType::Counter);
    Family missed("meshd_registry_missed_changes_total",
                  "Services that a later full answer told otherwise than they were known: no notification had come.",
                  MetricType::Counter);
    Family failures("meshd_registry_failures_total", "Requests that failed, by kind.", MetricType::Counter);
    for (const auto& view : views) {
        const prometheus::ClientMetric::Label label{"registry", view.name};
        up.add({label}, view.answered && view.error.empty() ? 1 : 0);
        services.add({label}, view.services);
        backends.add({label}, view.backends);
        refused.add({label}, view.refused.size());
        hidden.add({label}, view.hidden.size());
        if (view.kind == "files") continue;
        const auto at = view.last_answer ? std::chrono::duration<double>(view.last_answer->time_since_epoch()).count() : 0.0;
        answer.add({label}, at);
        held.add({label}, view.held.size());
        const auto& figures = view.figures;
        held_total.add({label, {"outcome", "taken"}}, figures.held_taken);
        held_total.add({label, {"outcome", "withdrawn"}}, figures.held_withdrawn);
        events.add({label}, figures.events);
        changes.add({label}, figures.changes);
        syncs.add({label}, figures.syncs);
        missed.add({label}, view.missed.total);
        for (std::size_t i = 0; i < registry::failure_names.size(); ++i)
            failures.add({label, {"kind", std::string(registry::failure_names[i])}}, figures.failures[i]);
    }
    std::vector<prometheus::MetricFamily> families;
    for (auto* const family : {&up, &answer, &services, &backends, &refused, &hidden, &held, &held_total, &events, &changes,
                               &syncs, &missed, &failures})
        if (auto one = family->take(); !one.metric.empty()) families.push_back(std::move(one));
    return families;
}

}  // namespace meshd::worker
