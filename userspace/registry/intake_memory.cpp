// SPDX-License-Identifier: Apache-2.0
// What an intake takes over from an earlier run or another connection, and what it has.
#include "registry/intake.hpp"

#include <utility>

namespace meshd::registry {

void Intake::remember(std::vector<model::ServicePtr> services, std::chrono::system_clock::time_point as_of) {
    if (complete_) return;
    if (!last_answer_) last_answer_ = as_of;
    for (auto& service : services) {
        if (services_.contains(service->name)) continue;
        pending_.services.insert_or_assign(service->name, service);
        auto name = service->name;
        services_.emplace(std::move(name), std::move(service));
    }
    told(!services.empty());
}

void Intake::remember_set(const model::BackendsFrom& query, std::vector<model::Backend> backends) {
    if (sets_.contains(query)) return;
    pending_.sets.insert_or_assign(query, backends);
    sets_.emplace(query, std::move(backends));
    told(true);
}

void Intake::remember_settings(const std::map<std::string, model::ServiceSettingsPtr>& settings) {
    if (complete_) return;
    for (const auto& [service, one] : settings) {
        if (settings_.contains(service)) continue;
        put_settings(service, one);
        remembered_settings_.insert(service);
    }
}

void Intake::keep_sets(const std::set<model::BackendsFrom>& wanted) {
    const auto unwanted = [&](const auto& entry) { return !wanted.contains(entry.first); };
    std::erase_if(sets_, unwanted);
    std::erase_if(waiting_sets_, unwanted);
    std::erase_if(pending_.sets, unwanted);
}

const std::vector<model::Backend>* Intake::find_set(const model::BackendsFrom& query) const {
    const auto found = sets_.find(query);
    return found == sets_.end() ? nullptr : &found->second;
}

std::vector<model::Rule> Intake::rules() const {
    std::vector<model::Rule> all;
    for (const auto& [unit, rules] : rules_) all.insert(all.end(), rules.begin(), rules.end());
    return all;
}

std::size_t Intake::backends() const {
    std::size_t count = 0;
    for (const auto& [name, service] : services_)
        for (const auto& port : service->ports) count += port.backends.size();
    for (const auto& [query, set] : sets_) count += set.size();
    return count;
}

}  // namespace meshd::registry
