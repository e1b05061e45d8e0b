// SPDX-License-Identifier: Apache-2.0
#include "reconcile/plan.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "reconcile/guidance.hpp"
#include "reconcile/shares.hpp"
#include "reconcile/table.hpp"

namespace meshd::reconcile {

IdAllocator IdAllocator::after(const RealizedState& realized, std::uint32_t max_services) {
    IdAllocator ids;
    ids.max_services = max_services;
    ids.last_service = realized.services().empty() ? 0 : std::min(realized.services().rbegin()->first, max_services - 1);
    ids.last_backend = realized.highest_backend_id();
    return ids;
}

namespace {

class Planner {
public:
    Planner(const RealizedState& realized, IdAllocator ids, const ForwardPolicy& forwarding, const StatesOf& states)
        : realized_(realized), ids_(ids), forwarding_(forwarding), states_(states) {}

    void want(const model::Service& service);
    void drop(std::uint32_t id);          // all of a group
    void drop_garbage(std::uint32_t id);  // what no reader can reach: a group without frontends
    [[nodiscard]] bool claims(std::uint32_t id) const { return claimed_.contains(id); }
    // A frontend that is published anew needs no removal, wherever it led before.
    PlanResult finish();

private:
    void want_port(const model::Service& service, const model::ServicePort& port);
    std::vector<Candidate> want_backends(const PortKey& key, const model::ServicePort& port, const PortStates& states,
                                         std::uint32_t id, const KernelService& now);
    void want_maglev(const model::Service& service, const model::ServicePort& port, std::uint32_t id,
                     std::vector<Candidate> candidates, const KernelService& now);
    void want_warming(const PortKey& key, const std::vector<Candidate>& candidates, std::uint32_t id, const KernelService& now);
    void want_frontends(const model::Service& service, const model::ServicePort& port, std::uint32_t id,
                        const KernelService& now);
    std::optional<std::uint32_t> free_service_id();
    std::uint32_t free_backend_id();
    Operation& add(OperationKind kind, std::uint32_t id, const std::string& label);

    const RealizedState& realized_;
    IdAllocator ids_;
    ForwardPolicy forwarding_;
    const StatesOf& states_;
    std::set<std::uint32_t> claimed_;
    std::set<std::uint32_t> taken_backends_;
    std::set<md_endpoint, BytesLess> published_;
    std::array<Plan, operation_kinds> phases_;  // by OperationKind
    std::vector<std::pair<std::string, std::string>> refused_;
};

Operation& Planner::add(OperationKind kind, std::uint32_t id, const std::string& label) {
    auto& operation = phases_[static_cast<std::size_t>(kind)].emplace_back();
    operation.kind = kind;
    operation.service_id = id;
    operation.service = label;
    return operation;
}

std::optional<std::uint32_t> Planner::free_service_id() {
    const auto usable = ids_.max_services - 1;  // id 0 means "no service"
    for (std::uint32_t tried = 0; tried < usable; ++tried) {
        ids_.last_service = ids_.last_service % usable + 1;
        if (realized_.find(ids_.last_service) == nullptr && !claimed_.contains(ids_.last_service)) return ids_.last_service;
    }
    return std::nullopt;
}

std::uint32_t Planner::free_backend_id() {
    do ++ids_.last_backend;
    while (ids_.last_backend == 0 || realized_.has_backend(ids_.last_backend) || taken_backends_.contains(ids_.last_backend));
    taken_backends_.insert(ids_.last_backend);
    return ids_.last_backend;
}

void Planner::want(const model::Service& service) {
    for (const auto& port : service.ports) want_port(service, port);
}

void Planner::want_port(const model::Service& service, const model::ServicePort& port) {
    static const KernelService nothing;
    const PortKey key{service.name, port.number, port.protocol};
    auto id = realized_.id_of(key);
    if (!id) id = free_service_id();
    if (!id) {
        refused_.emplace_back(service.name, "no free service id for " + key.text() + ": all " +
                                                std::to_string(ids_.max_services - 1) +
                                                " are in use; raise limits.services, then restart with `meshd --unload`");
        return;
    }
    claimed_.insert(*id);
    const auto* const found = realized_.find(*id);
    const auto& now = found != nullptr ? *found : nothing;

    const auto states = states_ ? states_(service, port) : PortStates{};
    if (now.name != key) add(OperationKind::name_service, *id, key.text()).name = key;
    const auto usable = want_backends(key, port, states, *id, now);
    const auto candidates = share_out(usable, service, port, forwarding_.locality);
    const auto forward = forward_of(service, port, forwarding_);
    const auto guidance = guidance_of(service, candidates.size(), states.panic);
    if (service.balancing_options.slow_start_ms != 0) want_warming(key, candidates, *id, now);
    TablePolicy policy{
        service.balancing,        service.when_no_backend, service.acceleration, forward, 0, guided_of(service, guidance),
        !service.subsets.empty(), encode(service.tls)};
    if (forward != MD_FORWARD_NONE)
        policy.affinity_s = service.affinity_s != 0 ? service.affinity_s : service.balancing_options.affinity_s;
    auto table = build_table(candidates, policy);
    const auto same = std::equal(table.begin(), table.end(), now.table.begin(), now.table.end(),
                                 [](const auto& a, const auto& b) { return same_bytes(a, b); });
    if (!same) add(OperationKind::replace_table, *id, key.text()).table = std::move(table);
    if (forward != MD_FORWARD_NONE || service.balancing == model::Balancing::maglev)
        want_maglev(service, port, *id, candidates, now);
    else if (now.maglev != 0)
        add(OperationKind::remove_maglev, *id, key.text());
    if (guidance && (!now.balancing || !same_bytes(*now.balancing, *guidance)))
        add(OperationKind::set_balancing, *id, key.text()).balancing = *guidance;
    else if (!guidance && now.balancing)
        add(OperationKind::remove_balancing, *id, key.text());
    want_frontends(service, port, *id, now);
}

void Planner::want_maglev(const model::Service& service, const model::ServicePort& port, std::uint32_t id,
                          std::vector<Candidate> candidates, const KernelService& now) {
    MaglevInput input{std::move(candidates), 0, 0};
    for (const auto& backend : port.backends) ++(backend.endpoint.address.is_v4() ? input.backends_v4 : input.backends_v6);
    const auto is_near = [](const Candidate& candidate) { return candidate.is_near; };
    if (std::any_of(input.candidates.begin(), input.candidates.end(), is_near))
        std::erase_if(input.candidates, std::not_fn(is_near));
    if (now.maglev == maglev_fingerprint(input)) return;
    add(OperationKind::set_maglev, id, PortKey{service.name, port.number, port.protocol}.text()).maglev = std::move(input);
}

// The backends that new connections may be given, with their ids; those that are not there yet are made, those that nobody wants
// go.
std::vector<Candidate> Planner::want_backends(const PortKey& key, const model::ServicePort& port, const PortStates& states,
                                              std::uint32_t id, const KernelService& now) {
    std::map<md_endpoint, std::uint32_t, BytesLess> known;
    for (const auto& [backend_id, backend] : now.backends) known.emplace(backend.endpoint, backend_id);

    std::vector<Candidate> candidates;
    std::set<std::uint32_t> kept;
    for (const auto& backend : port.backends) {
        auto value = encode(backend, port.protocol, id);
        const auto index = static_cast<std::size_t>(&backend - port.backends.data());
        if (index < states.of.size()) value.state = states.of[index];
        const auto found = known.find(value.endpoint);
        const auto backend_id = found != known.end() ? found->second : free_backend_id();
        kept.insert(backend_id);
        if (found == known.end() || !same_bytes(now.backends.at(backend_id), value)) {
            auto& operation = add(OperationKind::set_backend, id, key.text());
            operation.backend_id = backend_id;
            operation.backend = value;
        }
        if (value.state == MD_BACKEND_READY && backend.weight > 0)
            candidates.push_back({backend_id, value.endpoint, backend.weight, backend.weight, index});
    }
    for (const auto& [backend_id, backend] : now.backends)
        if (!kept.contains(backend_id)) add(OperationKind::remove_backend, id, key.text()).backend_id = backend_id;
    return candidates;
}

// Backends that come back to a table, or are new in it, begin slowly; not those of a table that is new itself.
void Planner::want_warming(const PortKey& key, const std::vector<Candidate>& candidates, std::uint32_t id,
                           const KernelService& now) {
    std::set<std::uint32_t> known;
    for (const auto& slot : now.table) known.insert(slot.backend_id);
    if (now.table.empty() || known == std::set<std::uint32_t>{0}) return;
    for (const auto& candidate : candidates)
        if (!known.contains(candidate.id)) add(OperationKind::warm_backend, id, key.text()).backend_id = candidate.id;
}

void Planner::want_frontends(const model::Service& service, const model::ServicePort& port, std::uint32_t id,
                             const KernelService& now) {
    const PortKey key{service.name, port.number, port.protocol};
    std::set<md_endpoint, BytesLess> wanted;
    for (const auto& [address, protocol] : model::frontends(service, port)) wanted.insert(encode(address, protocol));
    for (const auto& endpoint : wanted) {
        published_.insert(endpoint);
        if (realized_.owner_of(endpoint) != id) add(OperationKind::publish_frontend, id, key.text()).frontend = endpoint;
    }
    for (const auto& endpoint : now.frontends)
        if (!wanted.contains(endpoint)) add(OperationKind::remove_frontend, id, key.text()).frontend = endpoint;
}

void Planner::drop(std::uint32_t id) {
    const auto* const now = realized_.find(id);
    if (now == nullptr || !claimed_.insert(id).second) return;
    const auto label = now->name ? now->name->text() : std::string{};
    for (const auto& endpoint : now->frontends) add(OperationKind::remove_frontend, id, label).frontend = endpoint;
    if (!now->table.empty()) add(OperationKind::remove_table, id, label);
    if (now->maglev != 0) add(OperationKind::remove_maglev, id, label);
    if (now->balancing) add(OperationKind::remove_balancing, id, label);
    if (now->name) add(OperationKind::unname_service, id, label);
    for (const auto& [backend_id, backend] : now->backends) add(OperationKind::remove_backend, id, label).backend_id = backend_id;
}

void Planner::drop_garbage(std::uint32_t id) {
    const auto* const now = realized_.find(id);
    if (now != nullptr && now->frontends.empty() && !now->name) drop(id);
}

PlanResult Planner::finish() {
    std::erase_if(phases_[static_cast<std::size_t>(OperationKind::remove_frontend)],
                  [this](const Operation& operation) { return published_.contains(operation.frontend); });
    PlanResult result;
    result.ids = ids_;
    result.refused = std::move(refused_);
    for (auto& phase : phases_) std::move(phase.begin(), phase.end(), std::back_inserter(result.operations));
    return result;
}

// Ports that a service no longer has are dropped even when the state is incomplete: the service itself was read.
void plan_service(Planner& planner, const RealizedState& realized, const std::string& name, const model::Service* service,
                  bool complete) {
    if (service != nullptr) planner.want(*service);
    if (service == nullptr && !complete) return;
    for (const auto id : realized.ids_of_service(name))
        if (!planner.claims(id)) planner.drop(id);
}

}  // namespace

PlanResult plan(const RealizedState& realized, const model::DesiredState& desired, IdAllocator ids,
                const ForwardPolicy& forwarding, const StatesOf& states) {
    Planner planner(realized, ids, forwarding, states);
    for (const auto& [name, service] : desired.services) plan_service(planner, realized, name, service.get(), desired.complete);
    for (const auto& [id, now] : realized.services()) {
        if (planner.claims(id)) continue;
        if (desired.complete)
            planner.drop(id);
        else
            planner.drop_garbage(id);
    }
    return planner.finish();
}

PlanResult plan(const RealizedState& realized, const model::DesiredState& desired, IdAllocator ids,
                const std::set<std::string>& services, const ForwardPolicy& forwarding, const StatesOf& states) {
    Planner planner(realized, ids, forwarding, states);
    for (const auto& name : services) {
        const auto found = desired.services.find(name);
        // Who names a service that is gone has seen it go: complete or not, it is dropped.
        plan_service(planner, realized, name, found == desired.services.end() ? nullptr : found->second.get(), true);
    }
    return planner.finish();
}

}  // namespace meshd::reconcile
