// SPDX-License-Identifier: Apache-2.0
#include "app/policy_view.hpp"

#include <algorithm>
#include <cstring>

#include <sys/stat.h>
#include <boost/json.hpp>

#include "app/policy_setup.hpp"
#include "model/authorization.hpp"
#include "model/policy_json.hpp"
#include "policy/evaluate.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

json::object hits_json(const std::map<std::uint64_t, md_rule_hits>& hits, std::uint64_t rule) {
    const auto found = hits.find(rule);
    const auto count = found != hits.end() ? found->second : md_rule_hits{};
    return {{"allowed", count.allowed}, {"denied", count.denied}, {"audited", count.audited}};
}

// The rules that programs obey now. Before the registry has answered that is not known here, but to the earlier agent.
std::vector<model::Rule> rules_in_force(const PolicySetup& policy) {
    return policy.in_force() != nullptr ? policy.in_force()->ordered : policy::in_order(policy.rules());
}

// Which service has an address, as the kernel's tables have it.
std::string service_at(const Context& context, const md_endpoint& endpoint) {
    const auto& realized = context.reconciler->realized();
    const auto owner = realized.owner_of(endpoint);
    const auto* const service = owner ? realized.find(*owner) : nullptr;
    return service != nullptr && service->name ? service->name->service : std::string{};
}

// The destination that a name or an address stands for. A service without a port: its first.
base::Result<base::SocketAddress> destination_of(const Context& context, const control::PolicyQuery& query,
                                                 base::Protocol& protocol) {
    if (query.to_address) return base::SocketAddress{*query.to_address, query.port};
    const auto& services = context.reconciler->desired().services;
    const auto found = services.find(query.to_service);
    if (found == services.end())
        return base::fail({"check", "service " + query.to_service, 0, "there is no service of that name",
                           "meshctl service list tells the names"});
    const auto& service = *found->second;
    const auto port = std::find_if(service.ports.begin(), service.ports.end(), [&](const model::ServicePort& one) {
        return (query.port == 0 || one.number == query.port) && (!query.protocol || one.protocol == *query.protocol);
    });
    if (port == service.ports.end())
        return base::fail({"check", "service " + query.to_service, 0, "it has no such port", "see meshctl service show"});
    protocol = port->protocol;
    const auto same_family = std::find_if(
        service.addresses.begin(), service.addresses.end(),
        [&](const base::IpAddress& address) { return !query.from_address || address.is_v4() == query.from_address->is_v4(); });
    return base::SocketAddress{same_family != service.addresses.end() ? *same_family : service.addresses.front(), port->number};
}

std::vector<base::Prefix> addresses_of(const Context& context, const control::PolicyQuery& query, const base::IpAddress& to) {
    if (query.from_address) return {base::Prefix::of(*query.from_address)};
    const auto& here = context.policy->surroundings();
    if (policy::is_loopback(to)) return {*base::Prefix::parse(to.is_v4() ? "127.0.0.1" : "::1")};
    return to.is_v4() ? here.local_v4 : here.local_v6;
}

// What the program says, which is what connections meet.
base::Result<md_ask_policy> ask_kernel(const Context& context, const control::PolicyQuery& query, const md_endpoint& endpoint) {
    md_ask_policy question{};
    question.destination = endpoint;
    if (query.from_address) std::memcpy(question.source.bytes, query.from_address->bytes.data(), sizeof question.source.bytes);
    std::size_t count = 0;
    // The deepest first; more levels than the question takes are left to the rules' own cgroups.
    for (auto path = query.from_workload; path.size() > 1 && count < std::size(question.cgroups);
         path.resize(std::max<std::size_t>(path.rfind('/'), 0))) {
        const auto& workloads = context.policy->surroundings().workloads;
        if (const auto found = workloads.find(path); found != workloads.end()) question.cgroups[count++] = found->second;
    }
    return context.datapath->ask(question);
}

// What the workers of this service's backends say to a connection from another host.
base::Result<json::object> identity_check(const Context& context, const control::PolicyQuery& query) {
    auto protocol = query.protocol.value_or(base::Protocol::tcp);
    const auto destination = destination_of(context, query, protocol);
    if (!destination) return tl::make_unexpected(destination.error());
    const bool audit = context.settings.policy.mode == config::PolicyMode::audit;
    const model::Authorization authorization(context.policy->rules(), audit);
    const auto matching = authorization.matching(query.from_identity, query.to_service, destination->port);
    const bool denied = !matching.empty() && matching.front()->action == model::Action::deny;
    json::array others;
    for (std::size_t i = 1; i < matching.size(); ++i) {
        auto row = model::to_json(*matching[i]);
        row["why"] = "its identity, service or port is more specific, or it denies";
        others.emplace_back(std::move(row));
    }
    const auto& service = *context.reconciler->desired().services.find(query.to_service)->second;
    return json::object{
        {"from", {{"identity", query.from_identity}, {"addresses", json::array{}}}},
        {"to", {{"address", destination->text()}, {"protocol", base::name(protocol)}, {"service", query.to_service}}},
        {"verdict", denied ? "deny" : "allow"},
        {"passes", !denied || audit},
        {"audit", audit},
        {"rule", matching.empty() ? json::value(nullptr) : json::value(model::to_json(*matching.front()))},
        {"why", service.tls.mode == model::TlsMode::off ? "connections to the service are not encrypted, so none has an identity"
                : service.tls.mode == model::TlsMode::originate
                    ? "backends of the service are outside of the mesh, where no connection has an identity"
                : matching.empty()     ? "no rule names the identity, so it may"
                : matching.size() == 1 ? "the only rule that matches"
                                       : "the most specific rule that matches"},
        {"others", std::move(others)},
        {"kernel", nullptr}};
}

}  // namespace

base::Result<json::object> policy_view(const Context& context) {
    const auto& policy = *context.policy;
    const auto generation = policy.maps().generation();
    if (!generation) return tl::make_unexpected(generation.error());
    const auto hits = policy.maps().hits();
    if (!hits) return tl::make_unexpected(hits.error());
    json::array rules;
    for (const auto& rule : rules_in_force(policy)) {
        auto row = model::to_json(rule);
        row["note"] = policy.note(rule);
        row["hits"] = hits_json(*hits, model::rule_id(rule));
        rules.emplace_back(std::move(row));
    }
    // Of these the kernel knows nothing: workers count in meshd_tls_denied_total.
    const model::Authorization authorization(policy.rules(), false);
    for (const auto& rule : authorization.rules()) {
        auto row = model::to_json(rule);
        row["note"] = "by workers of the backends' hosts";
        row["hits"] = nullptr;
        rules.emplace_back(std::move(row));
    }
    const auto& settings = context.settings.policy;
    const auto& degradations = context.degradations.all();
    const auto degraded = degradations.find("policy");
    return json::object{{"default", model::name(settings.otherwise)},
                        {"mode", config::name(settings.mode)},
                        {"generation", *generation},
                        {"compiled", policy.compiled()},
                        {"refused", degraded != degradations.end() ? degraded->second.reason : std::string{}},
                        {"default_hits", hits_json(*hits, 0)},
                        {"rules", std::move(rules)}};
}

base::Result<json::object> policy_check(const Context& context, const control::PolicyQuery& query) {
    if (!query.from_identity.empty()) return identity_check(context, query);
    const auto& policy = *context.policy;
    auto protocol = query.protocol.value_or(base::Protocol::tcp);
    const auto destination = destination_of(context, query, protocol);
    if (!destination) return tl::make_unexpected(destination.error());
    const auto endpoint = reconcile::encode(*destination, protocol);

    policy::Question question;
    question.workload = query.from_workload;
    question.destination = policy::real_destination(destination->address, query.from_address);
    question.addresses = addresses_of(context, query, question.destination);
    question.service = service_at(context, endpoint);
    question.port = destination->port;
    question.protocol = protocol;
    const auto rules = rules_in_force(policy);
    const auto matching = policy::matching(rules, question);

    const auto& settings = context.settings.policy;
    const auto action = matching.empty() ? settings.otherwise : matching.front()->action;
    const bool denied = action == model::Action::deny;
    const bool audit = settings.mode == config::PolicyMode::audit;
    json::array others;
    for (std::size_t i = 1; i < matching.size(); ++i) {
        auto row = model::to_json(*matching[i]);
        row["why"] = policy::why_before(*matching.front(), *matching[i]);
        others.emplace_back(std::move(row));
    }
    const auto kernel = ask_kernel(context, query, endpoint);
    if (!kernel) return tl::make_unexpected(kernel.error());
    const bool kernel_denies = kernel->generation != 0 && kernel->verdict == MD_VERDICT_DENY;
    json::array addresses;
    for (const auto& address : question.addresses) addresses.emplace_back(address.text());
    return json::object{
        {"from", {{"workload", question.workload}, {"addresses", std::move(addresses)}}},
        {"to", {{"address", destination->text()}, {"protocol", base::name(protocol)}, {"service", question.service}}},
        {"verdict", model::name(action)},
        {"passes", !denied || audit},
        {"audit", audit},
        {"rule", matching.empty() ? json::value(nullptr) : json::value(model::to_json(*matching.front()))},
        {"why", matching.empty()       ? "no rule matches, so policy.default decides"
                : matching.size() == 1 ? "the only rule that matches"
                                       : "the most specific rule that matches"},
        {"others", std::move(others)},
        {"kernel", kernel_denies ? "deny" : "allow"}};
}

}  // namespace meshd::app
