// SPDX-License-Identifier: Apache-2.0
#include "registry/merger.hpp"

#include <algorithm>
#include <string_view>

namespace meshd::registry {

std::size_t Merger::EndpointHash::operator()(const Endpoint& endpoint) const {
    const auto& bytes = endpoint.address.address.bytes;
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return std::hash<std::string_view>{}(text)*31 + (endpoint.address.port << 8U) + static_cast<std::size_t>(endpoint.protocol);
}

std::vector<Merger::Endpoint> Merger::endpoints_of(const model::Service& service) {
    std::vector<Endpoint> all;
    for (const auto& frontend : model::frontends(service)) all.push_back({frontend.address, frontend.protocol});
    return all;
}

void Merger::put(std::size_t rank, const std::string& name, model::ServicePtr service) {
    const Place place{rank, name};
    const auto found = claimants_.find(place);
    if (found == claimants_.end() && !service) return;
    if (found != claimants_.end()) {
        leave(place, *found->second.service);
        look_again_behind(place, *found->second.service);
        if (found->second.in_force) touched_.insert(name);
    }
    if (service) {
        enter(place, *service);
        auto& claimant = claimants_[place];
        claimant.service = std::move(service);
        doubtful_.insert(place);
        // Its new names and addresses are looked at when it is in force.
        if (claimant.in_force) look_again_behind(place, *claimant.service);
    } else {
        claimants_.erase(found);
    }
}

void Merger::drop(std::size_t rank) {
    std::vector<std::string> names;
    for (auto entry = claimants_.lower_bound({rank, {}}); entry != claimants_.end() && entry->first.rank == rank; ++entry)
        names.push_back(entry->first.name);
    for (const auto& name : names) put(rank, name, nullptr);
}

void Merger::enter(const Place& place, const model::Service& service) {
    names_[place.name].push_back(place);
    for (const auto& endpoint : endpoints_of(service)) endpoints_[endpoint].push_back(place);
}

void Merger::leave(const Place& place, const model::Service& service) {
    const auto take_out = [&place](auto& index, const auto& key) {
        const auto entry = index.find(key);
        std::erase(entry->second, place);
        if (entry->second.empty()) index.erase(entry);
    };
    take_out(names_, place.name);
    for (const auto& endpoint : endpoints_of(service)) take_out(endpoints_, endpoint);
}

// Those of a higher rank that want something that this one has, or had.
void Merger::look_again_behind(const Place& place, const model::Service& service) {
    const auto look = [&](const auto& index, const auto& key) {
        const auto entry = index.find(key);
        if (entry == index.end()) return;
        for (const auto& other : entry->second)
            if (other > place) doubtful_.insert(other);
    };
    look(names_, place.name);
    for (const auto& endpoint : endpoints_of(service)) look(endpoints_, endpoint);
}

Hidden Merger::blocker(const Place& place, const model::Service& service) const {
    const auto find = [&](const Places& places) -> const Claimant* {
        for (const auto& other : places) {
            if (!(other < place)) continue;
            const auto& claimant = claimants_.at(other);
            if (claimant.in_force) return &claimant;
        }
        return nullptr;
    };
    if (const auto* const other = find(names_.at(place.name))) return {other->service->source, "the name"};
    for (const auto& frontend : model::frontends(service))
        if (const auto* const other = find(endpoints_.at({frontend.address, frontend.protocol})))
            return {other->service->source, frontend.address.text() + '/' + std::string(base::name(frontend.protocol))};
    return {};
}

// In order of rank: who stands behind can change nothing for those before.
void Merger::settle() {
    while (!doubtful_.empty()) {
        const auto place = *doubtful_.begin();
        doubtful_.erase(doubtful_.begin());
        const auto found = claimants_.find(place);
        if (found == claimants_.end()) continue;
        auto& claimant = found->second;
        claimant.hidden = blocker(place, *claimant.service);
        const bool in_force = claimant.hidden.why.empty();
        touched_.insert(place.name);
        if (in_force == claimant.in_force) continue;
        claimant.in_force = in_force;
        look_again_behind(place, *claimant.service);
    }
}

std::map<std::string, model::ServicePtr> Merger::take() {
    settle();
    std::map<std::string, model::ServicePtr> changes;
    for (const auto& name : touched_) {
        model::ServicePtr now;
        if (const auto places = names_.find(name); places != names_.end())
            for (const auto& place : places->second)
                if (const auto& claimant = claimants_.at(place); claimant.in_force) now = claimant.service;
        if (now)
            in_force_.insert_or_assign(name, now);
        else
            in_force_.erase(name);
        changes.emplace(name, std::move(now));
    }
    touched_.clear();
    return changes;
}

std::map<std::string, Hidden> Merger::hidden(std::size_t rank) const {
    std::map<std::string, Hidden> all;
    for (auto entry = claimants_.lower_bound({rank, {}}); entry != claimants_.end() && entry->first.rank == rank; ++entry)
        if (!entry->second.in_force) all.emplace(entry->first.name, entry->second.hidden);
    return all;
}

}  // namespace meshd::registry
