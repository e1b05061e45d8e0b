// SPDX-License-Identifier: Apache-2.0
#include "health/targets.hpp"

#include <algorithm>
#include <iterator>

namespace meshd::health {

namespace {

std::uint64_t hash_of(const base::SocketAddress& address) {
    std::uint64_t hash = address.port;
    for (const auto byte : address.address.bytes) hash = mix(hash ^ byte);
    return hash;
}

}  // namespace

ProbePtr Targets::shared(const model::Probe& probe) {
    auto& known = probes_[probe];
    auto shared = known.lock();
    if (!shared) known = shared = std::make_shared<const model::Probe>(probe);
    return shared;
}

Target& Targets::target(const ProbePtr& probe, const TargetKey& key, Clock::time_point now) {
    auto [entry, fresh] = ids_.try_emplace(key);
    if (fresh) {
        entry->second = ++last_id_;
        // By the address, not by the id: a worker that starts again asks at other times than all others, as before.
        const auto seed = seed_ ^ hash_of(key.endpoint) ^ static_cast<std::uint64_t>(probe->type) << 56;
        by_id_.emplace(last_id_, std::make_unique<Target>(last_id_, probe, key, seed, now));
    }
    return *by_id_.at(entry->second);
}

void Targets::leave(const Subscription& subscription) {
    const auto& [key, subscriber] = subscription;
    const auto entry = ids_.find(key);
    auto& subscribers = by_id_.at(entry->second)->subscribers;
    std::erase(subscribers, subscriber);
    if (!subscribers.empty()) return;
    by_id_.erase(entry->second);
    ids_.erase(entry);
}

void Targets::set(const model::Service& service, Clock::time_point now, const Joined& joined) {
    const auto known = services_.find(service.name);
    if (!service.health.probe && known == services_.end()) return;

    ProbePtr probe;
    std::vector<Subscription> wanted;
    if (service.health.probe) {
        probe = shared(*service.health.probe);
        // Another port of the backend is no part of the service.
        const bool is_encrypted = service.tls.mode == model::TlsMode::mutual && probe->port == 0;
        for (const auto& port : service.ports)
            for (const auto& backend : port.backends)
                if (backend.state != model::BackendState::maint)
                    wanted.push_back({{probe.get(),
                                       {backend.endpoint.address, probe->port != 0 ? probe->port : backend.endpoint.port},
                                       is_encrypted},
                                      {service.name, port.number, port.protocol, backend.endpoint}});
        std::sort(wanted.begin(), wanted.end());
    }
    auto before = known != services_.end() ? std::move(known->second) : std::vector<Subscription>{};
    std::vector<Subscription> come;
    std::vector<Subscription> gone;
    std::set_difference(wanted.begin(), wanted.end(), before.begin(), before.end(), std::back_inserter(come));
    std::set_difference(before.begin(), before.end(), wanted.begin(), wanted.end(), std::back_inserter(gone));
    for (const auto& [key, subscriber] : come) {
        auto& one = target(probe, key, now);
        one.subscribers.push_back(subscriber);
        joined(one, subscriber);
    }
    for (const auto& subscription : gone) leave(subscription);
    if (wanted.empty())
        services_.erase(service.name);
    else
        services_[service.name] = std::move(wanted);
    std::erase_if(probes_, [](const auto& one) { return one.second.expired(); });
}

void Targets::remove(const std::string& service) {
    const auto known = services_.find(service);
    if (known == services_.end()) return;
    for (const auto& subscription : known->second) leave(subscription);
    services_.erase(known);
    std::erase_if(probes_, [](const auto& one) { return one.second.expired(); });
}

void Targets::clear() {
    services_.clear();
    by_id_.clear();
    ids_.clear();
    probes_.clear();
}

Target* Targets::find(std::uint64_t id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second.get();
}

std::vector<std::string> Targets::services_without(const std::function<bool(const std::string&)>& keep) const {
    std::vector<std::string> names;
    for (const auto& [name, subscriptions] : services_)
        if (!keep(name)) names.push_back(name);
    return names;
}

}  // namespace meshd::health
