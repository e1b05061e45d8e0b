// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/configurations.hpp"

#include <algorithm>
#include <iterator>

#include "registry/kubernetes/objects.hpp"

namespace meshd::registry::kubernetes {

namespace {

std::set<std::string> names_of(const Units& units) {
    std::set<std::string> names;
    for (const auto& service : units.services()) names.insert(service.name);
    return names;
}

}  // namespace

Configurations::Configurations(Intake& intake) : intake_(intake), units_(intake, "spec") {}

template <typename Change>
void Configurations::changing(Change change) {
    const auto before = names_of(units_);
    change();
    const auto after = names_of(units_);
    std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(),
                                  std::inserter(touched_, touched_.end()));
}

void Configurations::begin_list() { listed_.clear(); }

void Configurations::put(const boost::json::object& object) {
    const auto name = key_of(object);
    if (name.empty()) return;
    listed_.insert(name);
    objects_.insert_or_assign(name, standing_of(object));
    const auto* const spec = object.if_contains("spec");
    changing([&] { units_.put(name, spec == nullptr ? std::string() : boost::json::serialize(*spec)); });
}

void Configurations::remove(const boost::json::object& object) { remove(key_of(object)); }

void Configurations::remove(const std::string& name) {
    objects_.erase(name);
    written_.erase(name);
    changing([&] { units_.remove(name); });
}

void Configurations::end_list() {
    std::vector<std::string> gone;
    for (const auto& [name, object] : objects_)
        if (!listed_.contains(name)) gone.push_back(name);
    for (const auto& name : gone) remove(name);
}

std::vector<Configurations::Unsaid> Configurations::unsaid() const {
    std::vector<Unsaid> all;
    for (const auto& [name, standing] : objects_) {
        auto verdict = verdict_of(standing.generation, units_.error(name), intake_.source(), name);
        const auto written = written_.find(name);
        const bool was_written =
            written != written_.end() && written->second.uid == standing.uid && written->second.verdict == verdict;
        if (!was_written && !standing.says(verdict)) all.push_back({name, standing, std::move(verdict)});
    }
    return all;
}

void Configurations::written(const Unsaid& unsaid) {
    written_.insert_or_assign(unsaid.object, Written{unsaid.standing.uid, unsaid.verdict});
}

void Configurations::not_written(const std::string& object) { written_.erase(object); }

}  // namespace meshd::registry::kubernetes
