// SPDX-License-Identifier: Apache-2.0
#include "health/backend_states.hpp"

#include <algorithm>
#include <array>

namespace meshd::health {

namespace {

constexpr std::array<std::string_view, 5> state_names{"maint", "drain", "unhealthy", "ejected", "ready"};

State state_of(model::BackendState state) {
    switch (state) {
        case model::BackendState::drain:
            return State::drain;
        case model::BackendState::maint:
            return State::maint;
        case model::BackendState::unhealthy:
            return State::unhealthy;
        case model::BackendState::ready:
            break;
    }
    return State::ready;
}

std::uint8_t encode(const Standing& standing) {
    if (standing.state == State::maint) return MD_BACKEND_MAINT;
    if (standing.state == State::drain) return MD_BACKEND_DRAIN;
    if (standing.state == State::unhealthy && !standing.in_panic) return MD_BACKEND_UNHEALTHY;
    return MD_BACKEND_READY;  // an ejected one stays in the table: the kernel passes over it, and knows when that ends
}

// Entries of these maps and sets that belong to a service stand beside each other.
template <typename Entries, typename PortOf>
void erase_service(Entries& entries, typename Entries::key_type first, const std::string& service, PortOf port_of) {
    auto at = entries.lower_bound(first);
    while (at != entries.end() && port_of(*at).service == service) at = entries.erase(at);
}

}  // namespace

std::string_view name(State state) { return state_names.at(static_cast<std::size_t>(state)); }

std::set<std::string> BackendStates::expire_overrides(Clock::time_point now) {
    std::set<std::string> services;
    std::erase_if(overrides_, [&](const auto& entry) {
        const bool over = entry.second.until && *entry.second.until <= now;
        if (over) services.insert(entry.first.service);
        return over;
    });
    return services;
}

std::optional<Clock::time_point> BackendStates::next_expiry() const {
    std::optional<Clock::time_point> next;
    for (const auto& [backend, word] : overrides_)
        if (word.until && (!next || *word.until < *next)) next = word.until;
    return next;
}

// A person's word stands above the registry's: `ready` takes back its drain and maint. Nobody says that a backend is healthy but
// who looks: the registry's own checks, the probes, and this node's connections; it has to please all of them.
Standing BackendStates::judge(const model::Service& service, const model::ServicePort& port,
                              const model::Backend& backend) const {
    const auto word = overrides_.find({service.name, backend.endpoint});
    Standing standing;
    if (word != overrides_.end()) {
        standing = {state_of(word->second.state), "set by hand", word->second.since, word->second.until, false};
        if (standing.state != State::ready) return standing;
        if (backend.state == model::BackendState::ready) standing = {};
    } else if (backend.state == model::BackendState::drain || backend.state == model::BackendState::maint) {
        return {state_of(backend.state), "the registry says so", std::nullopt, std::nullopt, false};
    }
    if (backend.state == model::BackendState::unhealthy)
        return {State::unhealthy, std::string(registry_calls_it_unhealthy), std::nullopt, std::nullopt, false};
    if (const auto verdict = probes_.verdict(service, port, backend.endpoint); !verdict.healthy)
        return {State::unhealthy, verdict.reason.empty() ? "no probe has decided yet" : verdict.reason, verdict.since,
                std::nullopt, false};
    if (const auto found = ejected_.find({{service.name, port.number, port.protocol}, backend.endpoint}); found != ejected_.end())
        return {State::ejected, found->second.reason, found->second.since, found->second.until, false};
    return standing;
}

BackendStates::Judged BackendStates::judge(const model::Service& service, const model::ServicePort& port) const {
    Judged judged;
    judged.standings.reserve(port.backends.size());
    for (const auto& backend : port.backends) {
        const auto& standing = judged.standings.emplace_back(judge(service, port, backend));
        if (backend.weight == 0 || standing.state == State::drain || standing.state == State::maint) continue;
        ++judged.counted;
        if (standing.state == State::ready) ++judged.usable;
    }
    judged.panic = judged.usable < judged.counted && judged.usable * 100 < judged.counted * service.health.panic_percent;
    if (!judged.panic) return judged;
    for (auto& standing : judged.standings)
        standing.in_panic = standing.state == State::unhealthy || standing.state == State::ejected;
    return judged;
}

reconcile::PortStates BackendStates::states(const model::Service& service, const model::ServicePort& port) const {
    const auto judged = judge(service, port);
    reconcile::PortStates states;
    states.panic = judged.panic;
    states.of.reserve(judged.standings.size());
    for (const auto& standing : judged.standings) states.of.push_back(encode(standing));
    return states;
}

BackendStates::Changes BackendStates::look(const model::Service& service, Clock::time_point now, bool is_first) {
    Changes changes;
    std::set<BackendKey> seen;
    for (const auto& port : service.ports) {
        const reconcile::PortKey port_key{service.name, port.number, port.protocol};
        auto judged = judge(service, port);
        const bool was_in_panic = panics_.contains(port_key);
        if (judged.panic != was_in_panic) {
            if (!judged.panic) panics_.erase(port_key);
            changes.panics.push_back({port_key, judged.panic, judged.usable, judged.counted});
            changes.services.insert(service.name);
        }
        if (judged.panic) panics_[port_key] = {judged.usable, judged.counted};
        for (std::size_t i = 0; i < port.backends.size(); ++i) {
            const BackendKey key{port_key, port.backends[i].endpoint};
            auto& standing = judged.standings[i];
            const auto before = known_.find(key);
            const bool is_known = before != known_.end();
            if (!is_known && standing.state == State::ready && standing.reason.empty()) continue;
            seen.insert(key);
            const auto from = is_known ? before->second.state : State::ready;
            if (is_known && standing.state == from && !standing.since) standing.since = before->second.since;
            if (standing.state != from && !standing.since) standing.since = now;
            if (is_known && before->second == standing) continue;
            if (standing.state != from) changes.backends.push_back({key, from, standing, is_known ? before->second.reason : ""});
            // The table knows nothing of ejections, the others make another one.
            if (!is_known || encode(before->second) != encode(standing)) changes.services.insert(service.name);
            known_[key] = std::move(standing);
        }
    }
    const auto is_of = [&](const BackendKey& key) { return key.port.service == service.name; };
    for (auto at = known_.lower_bound({{service.name, 0, base::Protocol::tcp}, {}}); at != known_.end() && is_of(at->first);)
        at = seen.contains(at->first) ? std::next(at) : known_.erase(at);
    if (is_first) {
        changes.backends.clear();
        changes.panics.clear();
    }
    return changes;
}

void BackendStates::forget(const std::string& service) {
    const reconcile::PortKey first{service, 0, base::Protocol::tcp};
    erase_service(
        known_, BackendKey{first, {}}, service, [](const auto& entry) -> const auto& { return entry.first.port; });
    erase_service(
        ejected_, BackendKey{first, {}}, service, [](const auto& entry) -> const auto& { return entry.first.port; });
    erase_service(
        panics_, first, service, [](const auto& entry) -> const auto& { return entry.first; });
}

Standing BackendStates::standing(const BackendKey& backend) const {
    const auto found = known_.find(backend);
    return found == known_.end() ? Standing{} : found->second;
}

}  // namespace meshd::health
