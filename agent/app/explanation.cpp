// SPDX-License-Identifier: Apache-2.0
#include "app/explanation.hpp"

#include <array>
#include <cstring>

#include <boost/json.hpp>

#include "app/backend_figures.hpp"
#include "app/service_view.hpp"
#include "app/standing_view.hpp"
#include "base/time_text.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

struct ReasonText {
    const char* label;
    const char* meaning;
};

constexpr std::array<ReasonText, MD_REASON_COUNT> reasons{{
#define X(enumerator, label, meaning) {label, meaning},
    MD_REASONS(X)
#undef X
}};

const char* errno_name(int error) {
    if (error == 0) return "";
    const char* const known = ::strerrorname_np(-error);
    return known != nullptr ? known : "unknown";
}

// A socket bound to an IPv4 address reaches only IPv4; without --from, the family of what is asked for decides.
std::uint8_t reach_of(const control::ExplainQuery& query) {
    if (query.destination.address.is_v4()) return MD_REACH_V4;
    if (query.protocol == base::Protocol::udp) return MD_REACH_V6;
    return query.from && !query.from->is_v4() ? MD_REACH_V6 : MD_REACH_BOTH;
}

std::string state_text(const health::Standing& standing) {
    auto text = "state is " + std::string(health::name(standing.state));
    if (!standing.reason.empty()) text += ": " + standing.reason;
    if (standing.until) text += "; until " + base::time_text(*standing.until);
    return text;
}

std::string why_not(const health::Standing& standing, const model::Backend& backend, std::uint32_t slots, std::uint8_t reach,
                    bool asked_v4, bool has_v6) {
    const bool v4 = backend.endpoint.address.is_v4();
    if (!standing.may_be_used()) return state_text(standing);
    if (backend.weight == 0) return "weight is 0";
    if ((reach & (v4 ? MD_REACH_V4 : MD_REACH_V6)) == 0)
        return v4 ? "this socket cannot be sent to IPv4" : "this socket cannot be sent to IPv6";
    if (v4 && !asked_v4 && has_v6) return "IPv6 backends come first for an IPv6 address";
    if (slots == 0) return "not in the service's table yet";
    return {};
}

std::string chosen_why(const model::Service& service, const md_explain& answer) {
    const auto slot = "slot " + std::to_string(answer.slot) + " of " + std::to_string(answer.slots);
    switch (service.balancing) {
        case model::Balancing::round_robin:
            return "round_robin: the cursor stands at " + slot;
        case model::Balancing::weighted:
            return "weighted: the cursor stands at " + slot;
        case model::Balancing::maglev:
            return "maglev: place " + std::to_string(answer.slot) + ", for a hash of nobody; another source may have another";
        case model::Balancing::least_connections:
            return "least_connections: " + slot + " was the better of two that were drawn; the next draw may differ";
        case model::Balancing::latency:
            return "latency: " + slot + " was the better of two that were drawn; the next draw may differ";
        case model::Balancing::random:
            break;
    }
    return "random: " + slot + " was drawn; the next draw may differ";
}

json::array candidates(const Context& context, const model::Service& service, const model::ServicePort& port,
                       const control::ExplainQuery& query) {
    const PortView kernel(context.reconciler->realized(), {service.name, port.number, port.protocol});
    const auto reach = reach_of(query);
    const bool asked_v4 = query.destination.address.is_v4();
    const bool has_v6 =
        kernel.kernel() != nullptr && !kernel.kernel()->table.empty() && kernel.kernel()->table.front().table.slots_v6 > 0;
    json::array rows;
    for (const auto& backend : port.backends) {
        const auto id = kernel.backend_id(backend, port.protocol);
        const reconcile::PortKey key{service.name, port.number, port.protocol};
        const auto standing = context.health->states().standing({key, backend.endpoint});
        const auto why = why_not(standing, backend, kernel.slots(id), reach, asked_v4, has_v6);
        auto& row = rows.emplace_back(json::object{{"id", id},
                                                   {"address", backend.endpoint.address.text()},
                                                   {"port", backend.endpoint.port},
                                                   {"weight", backend.weight},
                                                   {"health", probe_view(context, service, port, backend)},
                                                   {"slots", kernel.slots(id)},
                                                   {"share", why.empty() ? kernel.share(id) : 0.0},
                                                   {"candidate", why.empty()},
                                                   {"why", why}})
                        .as_object();
        add_standing(context, key, backend.endpoint, row);
        add_score(context, kernel.kernel(), id, backend.weight, row);
    }
    return rows;
}

void describe_service(const Context& context, const control::ExplainQuery& query, const md_explain& answer, json::object& view) {
    const auto* const kernel = context.reconciler->realized().find(answer.service_id);
    if (kernel == nullptr || !kernel->name) return;
    const auto& key = *kernel->name;
    view["service"] = key.service;
    const auto& services = context.reconciler->desired().services;
    const auto found = services.find(key.service);
    if (found == services.end()) return;  // known from the maps only, until the registry answers
    view["source"] = found->second->source;
    for (const auto& port : found->second->ports) {
        if (port.number != key.port || port.protocol != key.protocol) continue;
        view["port_name"] = port.name;
        view["balancing"] = model::name(found->second->balancing);
        view["candidates"] = candidates(context, *found->second, port, query);
        if (answer.error == 0) view["why"] = chosen_why(*found->second, answer);
    }
}

}  // namespace

base::Result<json::object> explanation(const Context& context, const control::ExplainQuery& query) {
    md_explain question{};
    question.destination = reconcile::encode(query.destination, query.protocol);
    question.reach = reach_of(query);
    const auto answer = context.datapath->ask(question);
    if (!answer) return tl::make_unexpected(answer.error());

    const auto& reason = reasons[answer->reason < MD_REASON_COUNT ? answer->reason : 0];
    json::object view{{"destination", query.destination.text()},
                      {"protocol", base::name(query.protocol)},
                      {"service", nullptr},
                      {"source", ""},
                      {"port_name", ""},
                      {"service_id", answer->service_id},
                      {"outcome", reason.label},
                      {"error", errno_name(answer->error)},
                      {"balancing", ""},
                      {"chosen", nullptr},
                      {"why", reason.meaning},
                      {"encrypted", answer->tls != 0},
                      {"candidates", json::array{}}};
    if (answer->service_id == 0) return view;
    if (answer->error == 0) {
        const auto backend = reconcile::decode(answer->backend);
        view["chosen"] = json::object{{"id", answer->backend_id}, {"address", backend.address.text()}, {"port", backend.port}};
    }
    describe_service(context, query, *answer, view);
    return view;
}

}  // namespace meshd::app
