// SPDX-License-Identifier: Apache-2.0
#include "reconcile/reconciler.hpp"

#include <algorithm>
#include <utility>

namespace meshd::reconcile {

Reconciler::Reconciler(Maps& maps, std::uint32_t max_services) : maps_(maps) { ids_.max_services = max_services; }

base::Result<void> Reconciler::adopt() {
    auto found = maps_.read();
    if (!found) return tl::make_unexpected(found.error());
    realized_ = std::move(*found);
    ids_ = IdAllocator::after(realized_, ids_.max_services);
    return {};
}

void Reconciler::seed(std::vector<model::ServicePtr> services) {
    Change earlier;
    earlier.upsert = std::move(services);
    change(std::move(earlier));
}

void Reconciler::claim(const model::Service& service) {
    for (const auto& [address, protocol] : model::frontends(service)) claims_[encode(address, protocol)] = service.name;
}

void Reconciler::release(const model::Service& service) {
    for (const auto& [address, protocol] : model::frontends(service)) {
        const auto found = claims_.find(encode(address, protocol));
        if (found != claims_.end() && found->second == service.name) claims_.erase(found);
    }
}

std::optional<std::string> Reconciler::conflict(const model::Service& service) const {
    for (const auto& [address, protocol] : model::frontends(service)) {
        const auto endpoint = encode(address, protocol);
        const auto found = claims_.find(endpoint);
        if (found != claims_.end() && found->second != service.name)
            return text(endpoint) + " belongs to service " + found->second;
    }
    return std::nullopt;
}

// The sources check this too; here it guards the maps against a worker that is wrong.
void Reconciler::accept(const model::ServicePtr& service, std::set<std::string>& scope) {
    if (const auto why = conflict(*service)) {
        refused_[service->name] = *why;
        pending_[service->name] = *why;
        return;
    }
    refused_.erase(service->name);
    const auto found = desired_.services.find(service->name);
    if (found != desired_.services.end()) release(*found->second);
    claim(*service);
    desired_.services[service->name] = service;
    scope.insert(service->name);
}

void Reconciler::forget(const std::string& name) {
    refused_.erase(name);
    const auto found = desired_.services.find(name);
    if (found == desired_.services.end()) return;
    release(*found->second);
    desired_.services.erase(found);
}

void Reconciler::change(Change change) {
    std::set<std::string> scope;
    if (change.full && change.complete) {
        std::set<std::string, std::less<>> named;
        for (const auto& service : change.upsert) named.insert(service->name);
        for (const auto& [name, service] : desired_.services)
            if (!named.contains(name)) change.remove.push_back(name);
    }
    for (const auto& name : change.remove) {
        forget(name);
        scope.insert(name);
    }
    // Two services may have swapped addresses: nobody's old addresses stand in the way of the new ones.
    for (const auto& service : change.upsert) {
        const auto found = desired_.services.find(service->name);
        if (found != desired_.services.end()) release(*found->second);
    }
    for (const auto& service : change.upsert) accept(service, scope);
    desired_.complete = change.complete;
    ++desired_.version;
    // A first complete answer also sweeps away what the maps hold and nobody names.
    if (change.full)
        run(plan(realized_, desired_, ids_, forwarding_, states_), {});
    else
        run(plan(realized_, desired_, ids_, scope, forwarding_, states_), scope);
}

void Reconciler::set_forwarding(const ForwardPolicy& forwarding) {
    if (std::exchange(forwarding_, forwarding) == forwarding || desired_.services.empty()) return;
    run(plan(realized_, desired_, ids_, forwarding_, states_), {});
}

void Reconciler::states_changed(const std::set<std::string>& services) {
    if (services.empty()) return;
    run(plan(realized_, desired_, ids_, services, forwarding_, states_), services);
}

void Reconciler::retry() {
    if (pending_.empty()) return;
    std::set<std::string> scope;
    for (const auto& [name, why] : pending_)
        if (!refused_.contains(name)) scope.insert(name);
    run(plan(realized_, desired_, ids_, scope, forwarding_, states_), scope);
}

// An empty scope means all services.
void Reconciler::run(PlanResult planned, const std::set<std::string>& scope) {
    const auto start = std::chrono::steady_clock::now();
    auto changes = on_backends_ ? backend_changes(realized_, planned.operations) : std::vector<BackendChange>{};
    const auto result = apply(maps_, realized_, planned.operations);
    ids_ = planned.ids;

    if (scope.empty()) pending_.clear();
    for (const auto& name : scope) pending_.erase(name);
    for (const auto& [name, why] : planned.refused) pending_[name] = why;
    for (const auto& [name, why] : result.failed) pending_[name] = why;
    for (const auto& [name, why] : refused_) pending_[name] = why;

    figures_.runs += 1;
    figures_.operations += result.done;
    figures_.errors += planned.refused.size() + result.failed.size();
    figures_.last_at = Clock::now();
    figures_.last_duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    figures_.total_duration += figures_.last_duration;
    const auto* const bound =
        std::lower_bound(duration_bounds_us.begin(), duration_bounds_us.end(), figures_.last_duration.count());
    ++figures_.durations[static_cast<std::size_t>(bound - duration_bounds_us.begin())];

    erase_undone(changes, realized_);
    if (!changes.empty()) on_backends_(changes);
}

base::Result<Plan> Reconciler::check() {
    auto found = maps_.read();
    if (!found) return tl::make_unexpected(found.error());
    figures_.checks += 1;
    figures_.last_check_at = Clock::now();
    realized_ = std::move(*found);
    auto planned = plan(realized_, desired_, ids_, forwarding_, states_);

    // What failed before is not drift: it is still waiting for its retry.
    Plan drift;
    std::copy_if(planned.operations.begin(), planned.operations.end(), std::back_inserter(drift),
                 [this](const Operation& operation) { return !pending_.contains(service_name(operation.service)); });
    if (!drift.empty()) {
        figures_.drift_operations += drift.size();
        last_drift_ = Drift{Clock::now(), drift};
    }
    if (!planned.operations.empty() || !pending_.empty()) run(std::move(planned), {});
    return drift;
}

Plan Reconciler::preview(std::vector<model::ServicePtr> services, bool complete) const {
    model::DesiredState other;
    other.complete = complete;
    for (auto& service : services) {
        auto name = service->name;
        other.services[std::move(name)] = std::move(service);
    }
    return plan(realized_, other, ids_, forwarding_, states_).operations;
}

}  // namespace meshd::reconcile
