// SPDX-License-Identifier: Apache-2.0
#include "sockets/departures.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "reconcile/apply.hpp"

namespace meshd::sockets {

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t kept_for_late_ones_ns = 60 * second_ns;  // a connect() that was under way may show itself later
constexpr std::uint64_t shown_ns = 600 * second_ns;
constexpr std::size_t most_remembered = 65536;

std::optional<Why> why_of(std::optional<std::uint8_t> state) {
    if (!state) return Why::removed;
    if (*state == MD_BACKEND_DRAIN) return Why::drain;
    if (*state == MD_BACKEND_MAINT) return Why::maint;
    if (*state == MD_BACKEND_UNHEALTHY) return Why::unhealthy;
    return std::nullopt;
}

struct Found {
    const md_backend* backend = nullptr;
    bool is_chosen = false;  // new connections are given to it: too few others are healthy
};

Found find_backend(const reconcile::RealizedState& realized, std::uint32_t service_id, const md_endpoint& endpoint) {
    const auto* const service = realized.find(service_id);
    if (service == nullptr) return {};
    for (const auto& [id, backend] : service->backends) {
        if (!reconcile::same_bytes(backend.endpoint, endpoint)) continue;
        const auto is_it = [id = id](const md_slot& slot) { return slot.backend_id == id; };
        return {&backend, std::any_of(service->table.begin(), service->table.end(), is_it)};
    }
    return {};
}

std::string name_of(const reconcile::RealizedState& realized, std::uint32_t service_id) {
    const auto* const service = realized.find(service_id);
    return service != nullptr && service->name ? service->name->text() : std::string{};
}

}  // namespace

// A datagram has no end that could be waited for, and its sender does not learn that nobody takes it. Maintenance is a person's
// word that the backend is out now.
std::optional<std::uint64_t> Departure::closes_at() const {
    if (policy.sockets == model::DrainSockets::keep) return std::nullopt;
    if (why == Why::unhealthy && policy.unhealthy == model::DrainSockets::keep) return std::nullopt;
    if (why == Why::maint || why == Why::unhealthy || backend.protocol != static_cast<std::uint8_t>(base::Protocol::tcp))
        return since_ns;
    if (policy.deadline_s == 0) return std::nullopt;
    return since_ns + policy.deadline_s * second_ns;
}

bool Departures::set_policies(const std::vector<model::ServicePtr>& services) {
    std::set<std::string_view> named;
    for (const auto& service : services) {
        if (service->drain == model::Drain{})
            policies_.erase(service->name);
        else
            policies_[service->name] = service->drain;
        if (!all_.empty()) named.insert(service->name);
    }
    bool changes = false;
    for (auto& [key, departure] : all_) {
        if (!named.contains(reconcile::service_name(departure.service))) continue;
        const auto policy = policy_of(departure.service);
        changes |= std::exchange(departure.policy, policy) != policy;
    }
    return changes;
}

model::Drain Departures::policy_of(const std::string& port_key) const {
    const auto found = policies_.find(reconcile::service_name(port_key));
    return found == policies_.end() ? model::Drain{} : found->second;
}

// What drains and is removed then has drained since it began to. Maintenance begins when it is said.
Departure& Departures::begin(const Key& key, const std::string& service, Why why, std::uint64_t now_ns) {
    auto [entry, fresh] = all_.try_emplace(key);
    auto& departure = entry->second;
    const bool begins = why == Why::maint || departure.why == Why::unhealthy;
    if (fresh || (begins && departure.why != why)) departure.since_ns = now_ns;
    // One that was in maintenance and is removed stays closed at once.
    if (fresh || why != Why::removed || departure.why != Why::maint) departure.why = why;
    departure.gone = why == Why::removed;
    departure.service_id = key.service_id;
    departure.backend = key.backend;
    if (!service.empty()) departure.service = service;
    departure.policy = policy_of(departure.service);
    return departure;
}

void Departures::note(const reconcile::BackendChange& change, std::uint64_t now_ns) {
    const Key key{change.service_id, change.endpoint};
    if (const auto why = why_of(change.after))
        begin(key, change.service, *why, now_ns);
    else
        all_.erase(key);
}

void Departures::restore(Departure departure, const reconcile::RealizedState& realized) {
    const Key key{departure.service_id, departure.backend};
    const auto found = find_backend(realized, key.service_id, key.backend);
    if (found.backend != nullptr && !why_of(found.backend->state)) return;
    all_.insert_or_assign(key, std::move(departure));
}

Departure* Departures::judge(const md_translation& peer, const reconcile::RealizedState& realized, std::uint64_t now_ns) {
    // The service may have another id by now, or another address.
    const auto owner = realized.owner_of(peer.service).value_or(0);
    for (const auto id : {owner, peer.service_id}) {
        const auto there = id != 0 ? find_backend(realized, id, peer.backend) : Found{};
        if (there.backend == nullptr) continue;
        const auto why = why_of(there.backend->state);
        if (!why || there.is_chosen) return nullptr;
        const Key key{id, peer.backend};
        const auto found = all_.find(key);
        const bool known = found != all_.end() && found->second.why == *why && !found->second.gone;
        return known ? &found->second : &begin(key, name_of(realized, id), *why, now_ns);
    }
    for (const auto id : {peer.service_id, owner})
        if (const auto found = all_.find({id, peer.backend}); found != all_.end()) return &found->second;
    return &begin({peer.service_id, peer.backend}, name_of(realized, owner), Why::removed, now_ns);
}

Departure* Departures::find(const Key& key) {
    const auto found = all_.find(key);
    return found == all_.end() ? nullptr : &found->second;
}

void Departures::clear_counts() {
    for (auto& [key, departure] : all_) departure.open = departure.forwarded = 0;
}

void Departures::forget(std::uint64_t now_ns, const model::DesiredState& desired) {
    const bool are_many = all_.size() > most_remembered;
    std::erase_if(all_, [&](const auto& entry) {
        const auto& departure = entry.second;
        const auto kept_ns = are_many ? 0 : departure.closed != 0 ? shown_ns : kept_for_late_ones_ns;
        return departure.gone && departure.open == 0 && departure.forwarded == 0 && departure.since_ns + kept_ns <= now_ns;
    });
    std::set<std::string> left;
    for (const auto& [key, departure] : all_) left.insert(reconcile::service_name(departure.service));
    std::erase_if(policies_,
                  [&](const auto& entry) { return !desired.services.contains(entry.first) && !left.contains(entry.first); });
}

std::optional<std::uint64_t> Departures::next_deadline(std::uint64_t now_ns) const {
    std::optional<std::uint64_t> next;
    for (const auto& [key, departure] : all_)
        if (const auto at = departure.closes_at(); at && *at > now_ns) next = std::min(next.value_or(*at), *at);
    return next;
}

}  // namespace meshd::sockets
