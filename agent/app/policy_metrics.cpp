// SPDX-License-Identifier: Apache-2.0
#include "app/policy_metrics.hpp"

#include <algorithm>

#include <boost/json.hpp>

#include "app/policy_setup.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

void add_sample(json::array& samples, json::object labels, std::uint64_t value) {
    samples.emplace_back(json::object{{"labels", std::move(labels)}, {"value", static_cast<double>(value)}});
}

void add_family(json::array& families, std::string_view name, std::string_view kind, std::string_view help, json::array samples) {
    families.emplace_back(json::object{{"name", name}, {"help", help}, {"kind", kind}, {"samples", std::move(samples)}});
}

std::uint64_t sum(const md_rule_hits& hits) { return hits.allowed + hits.denied + hits.audited; }

void add_decisions(json::array& samples, const std::string& rule, const md_rule_hits& hits) {
    for (const auto& [verdict, count] :
         {std::pair("allowed", hits.allowed), std::pair("denied", hits.denied), std::pair("audited", hits.audited)})
        if (count != 0) add_sample(samples, {{"rule", rule}, {"verdict", verdict}}, count);
}

}  // namespace

void add_policy(const Context& context, json::array& families) {
    const auto& policy = *context.policy;
    const auto hits = policy.maps().hits();
    if (!hits) return;
    std::vector<std::pair<std::string, md_rule_hits>> rows;
    for (const auto& rule : policy.rules())
        if (const auto found = hits->find(model::rule_id(rule)); found != hits->end() && sum(found->second) != 0)
            rows.emplace_back(rule.name, found->second);
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return sum(a.second) > sum(b.second); });
    // Rules of two files may have the same name, and a label must be unique.
    std::map<std::string, md_rule_hits> named;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto& total = named[i < max_rule_samples ? rows[i].first : std::string{}];
        total.allowed += rows[i].second.allowed;
        total.denied += rows[i].second.denied;
        total.audited += rows[i].second.audited;
    }
    json::array samples;
    for (const auto& [rule, count] : named) add_decisions(samples, rule, count);
    if (const auto found = hits->find(0); found != hits->end()) add_decisions(samples, "(default)", found->second);
    add_family(families, "meshd_policy_decisions_total", "counter",
               "Connections that a rule of the policy decided; rule=\"\" stands for those that decided least.",
               std::move(samples));
    json::array count;
    add_sample(count, {}, policy.rules().size());
    add_family(families, "meshd_policy_rules", "gauge", "Rules that the registry has.", std::move(count));
}

void add_limits(const Context& context, json::array& families) {
    const auto figures = context.policy->limits().figures();
    if (!figures) return;
    json::array open;
    json::array refused;
    for (const auto& [id, figure] : *figures) {
        const auto* const service = context.reconciler->realized().find(id);
        if (service == nullptr || !service->name) continue;
        const json::object labels{{"service", service->name->service},
                                  {"port", std::to_string(service->name->port)},
                                  {"protocol", base::name(service->name->protocol)}};
        add_sample(open, labels, figure.open);
        for (const auto& [limit, value] :
             {std::pair("connections", figure.refused_connections), std::pair("rate", figure.refused_rate)}) {
            auto with_limit = labels;
            with_limit.emplace("limit", limit);
            add_sample(refused, std::move(with_limit), value);
        }
    }
    add_family(families, "meshd_limit_open_connections", "gauge", "Open connections that count against a service's limit.",
               std::move(open));
    add_family(families, "meshd_limit_refused_total", "counter", "Connections that a service's limit refused.",
               std::move(refused));
}

}  // namespace meshd::app
