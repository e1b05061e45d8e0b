// SPDX-License-Identifier: Apache-2.0
#include "registry/settings_overlay.hpp"

#include <limits>
#include <memory>
#include <utility>

#include "model/misfit.hpp"

namespace meshd::registry {

namespace {

// Not known yet: what was remembered comes before what has been said so far.
constexpr auto any_rank = std::numeric_limits<std::size_t>::min();

model::ServicePtr as_remembered(const model::Service& service, const model::Service& remembered, const std::string& source) {
    auto merged = model::with_settings_of(remembered, source, service);
    if (model::find_direct_return_misfit(merged)) return nullptr;
    return std::make_shared<const model::Service>(std::move(merged));
}

}  // namespace

void SettingsOverlay::put(std::size_t rank, const std::string& service, model::ServiceSettingsPtr settings) {
    touched_.insert(service);
    if (settings) {
        given_[service].insert_or_assign(rank, std::move(settings));
        return;
    }
    const auto found = given_.find(service);
    if (found == given_.end()) return;
    found->second.erase(rank);
    if (found->second.empty()) given_.erase(found);
}

void SettingsOverlay::clear() {
    for (const auto& [service, settings] : given_) touched_.insert(service);
    given_.clear();
}

void SettingsOverlay::remember(const model::ServicePtr& service) {
    remembered_.insert_or_assign(service->name, Remembered{service, model::source_parts(service->source).settings, any_rank});
    touched_.insert(service->name);
}

void SettingsOverlay::await(const Awaited& awaited) {
    for (auto& [name, remembered] : remembered_) {
        const auto rank = awaited(remembered.source);
        if (std::exchange(remembered.awaited, rank) != rank) touched_.insert(name);
    }
}

model::ServicePtr SettingsOverlay::apply(const model::ServicePtr& service) {
    const auto& name = service->name;
    refused_.erase(name);
    const auto given = given_.find(name);
    const auto remembered = remembered_.find(name);
    if (remembered != remembered_.end() && remembered->second.awaited) {
        const bool is_earlier = given == given_.end() || given->second.begin()->first > *remembered->second.awaited;
        if (is_earlier) {
            auto merged = as_remembered(*service, *remembered->second.service, remembered->second.source);
            return merged ? merged : service;
        }
    }
    if (given == given_.end()) {
        forget(name);
        return service;
    }
    const auto& [rank, settings] = *given->second.begin();
    auto merged = model::with_settings(*service, *settings);
    if (!merged) {
        refused_.emplace(name, Refused{rank, merged.error().message()});
        return as_before(service);
    }
    last_good_.insert_or_assign(name, settings);
    if (remembered != remembered_.end() && !remembered->second.awaited) remembered_.erase(remembered);
    return std::make_shared<const model::Service>(std::move(*merged));
}

model::ServicePtr SettingsOverlay::as_before(const model::ServicePtr& service) const {
    if (const auto last = last_good_.find(service->name); last != last_good_.end())
        if (auto merged = model::with_settings(*service, *last->second))
            return std::make_shared<const model::Service>(std::move(*merged));
    if (const auto found = remembered_.find(service->name); found != remembered_.end())
        if (auto merged = as_remembered(*service, *found->second.service, found->second.source)) return merged;
    return service;
}

void SettingsOverlay::forget(const std::string& service) {
    refused_.erase(service);
    last_good_.erase(service);
    if (const auto found = remembered_.find(service); found != remembered_.end() && !found->second.awaited)
        remembered_.erase(found);
}

std::map<std::string, Hidden> SettingsOverlay::hidden(std::size_t rank) const {
    std::map<std::string, Hidden> all;
    for (const auto& [service, by_rank] : given_) {
        const auto& first = *by_rank.begin();
        if (first.first != rank && by_rank.contains(rank)) all.emplace(service, Hidden{first.second->source, "the service"});
    }
    return all;
}

}  // namespace meshd::registry
