// SPDX-License-Identifier: Apache-2.0
#include "acceleration/view.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <arpa/inet.h>
#include <boost/json.hpp>

#include "base/time_text.hpp"

namespace meshd::acceleration {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;

// Pauses are kept by the clock that never jumps; people read the other one.
std::string time_text(Clock::time_point time) {
    return base::time_text(std::chrono::system_clock::now() +
                           std::chrono::duration_cast<std::chrono::system_clock::duration>(time - Clock::now()));
}

std::string time_text(const Until& until) { return until ? time_text(*until) : ""; }

json::array exclusions_json(const config::Acceleration& wanted) {
    json::array rows;
    for (const auto& exclusion : wanted.exclude)
        rows.emplace_back(json::object{{"kind", config::name(exclusion.kind)}, {"text", exclusion.text}});
    return rows;
}

std::string address_text(const md_address& address, __be16 port) {
    md_endpoint endpoint{};
    endpoint.address = address;
    endpoint.port = port;
    return reconcile::decode(endpoint).text();
}

const reconcile::PortKey* name_of(const reconcile::RealizedState& realized, std::uint32_t service_id) {
    const auto* const service = realized.find(service_id);
    return service != nullptr && service->name ? &*service->name : nullptr;
}

// What open pairs have sent so far, by service id: md_paths has only what those that closed did.
struct Live {
    std::uint64_t connections = 0, bytes_short = 0, messages_short = 0, bytes_tcp = 0;
};

json::object pair_json(const md_look_at_pair& view, const reconcile::PortKey* service) {
    const auto& pair = view.value;
    const bool enrolled =
        std::any_of(std::begin(view.ends), std::end(view.ends), [](const auto& end) { return end.state == MD_END_ENROLLED; });
    const char* const state = pair.left == 0 ? "short" : enrolled ? "leaving" : "tcp";
    return {{"client", address_text(pair.tuple.client, pair.tuple.client_port)},
            {"server", address_text(pair.tuple.server, pair.tuple.server_port)},
            {"service", service != nullptr ? service->service : ""},
            {"bytes_short", pair.ways[0].bytes + pair.ways[1].bytes},
            {"bytes_tcp", view.ends[0].bytes_tcp + view.ends[1].bytes_tcp},
            {"queued_bytes", view.ends[0].waiting + view.ends[1].waiting},
            {"state", state},
            {"why", pair.left == 0 ? "" : why_name(pair.left - 1U)}};
}

struct ServiceState {
    std::string state, until;
};

// Whether new connections to a service (nullptr: to none) would be paired, if nothing stops them for the moment.
bool is_allowed(const Accelerator& accelerator, const reconcile::KernelService* service) {
    const auto& value = accelerator.policy().value;
    const int way = service != nullptr && !service->table.empty() ? service->table.front().table.way : int{MD_WAY_DEFAULT};
    if (way == MD_WAY_OFF || value.mode == MD_MODE_OFF) return false;
    if (value.accepted_only != 0 && way != MD_WAY_FIONREAD_ACCEPTED) return false;
    if (way != MD_WAY_DEFAULT) return true;
    return value.mode == MD_MODE_ON && value.scope >= (service != nullptr ? MD_SCOPE_SERVICES : MD_SCOPE_ALL);
}

bool is_excluded(const Accelerator& accelerator, const std::string& service) {
    const auto& exclude = accelerator.wanted().exclude;
    return std::any_of(exclude.begin(), exclude.end(), [&](const auto& exclusion) {
        return exclusion.kind == config::Exclusion::Kind::service && exclusion.text == service;
    });
}

ServiceState state_of(const Accelerator& accelerator, const reconcile::KernelService* kernel_service) {
    if (!is_allowed(accelerator, kernel_service)) return {"off", ""};
    if (accelerator.paused()) return {"paused", time_text(accelerator.paused_until())};
    if (kernel_service == nullptr || !kernel_service->name) return {"on", ""};
    const auto* const service = &*kernel_service->name;
    if (is_excluded(accelerator, service->service)) return {"off", ""};
    const auto paused = accelerator.paused_services().find(service->service);
    if (paused != accelerator.paused_services().end()) return {"paused", time_text(paused->second)};
    const auto off = accelerator.learner().off(Clock::now());
    if (const auto learned = off.find(service->service); learned != off.end()) return {"learned_off", time_text(learned->second)};
    return {"on", ""};
}

json::object why_json(const md_paths& paths) {
    json::object why;
    for (std::size_t i = 0; i < MD_WHY_COUNT; ++i)
        if (paths.why[i] != 0) why[why_name(i)] = paths.why[i];
    return why;
}

std::uint64_t messages_by_tcp(const md_paths& paths) {
    std::uint64_t sum = 0;
    for (std::size_t why = MD_WHY_TCP_PEER_UNREADY; why < MD_WHY_COUNT; ++why) sum += paths.why[why];
    return sum;
}

}  // namespace

std::string why_name(std::size_t why) {
    constexpr std::array<std::string_view, MD_WHY_COUNT> labels{
#define X(enumerator, label, meaning) label,
        MD_WHYS(X)
#undef X
    };
    constexpr std::string_view prefix = "tcp_";
    return std::string(labels.at(why).substr(prefix.size()));
}

json::object status_json(const Accelerator& accelerator) {
    const auto& policy = accelerator.policy();
    const auto& verdict = accelerator.verdict();
    const auto counts = accelerator.short_way().count_pairs();
    return {{"mode", config::name(policy.mode)},
            {"wanted", config::name(accelerator.wanted().mode)},
            {"reason", policy.reason},
            {"remedy", policy.remedy},
            {"kernel", verdict.kernel},
            {"fionread", name(verdict.fionread)},
            {"accounting", name(verdict.accounting)},
            {"leaving", policy.value.sticky != 0 ? "for_good" : "returns"},
            {"default", config::name(accelerator.wanted().scope)},
            {"paused", accelerator.paused()},
            {"paused_until", accelerator.paused() ? time_text(accelerator.paused_until()) : ""},
            {"memory_budget_bytes", accelerator.wanted().memory_bytes},
            {"selftest", selftest_to_json(verdict)},
            {"connections", counts ? counts->enrolled : 0},
            {"exclude", exclusions_json(accelerator.wanted())}};
}

base::Result<json::object> top_json(const Accelerator& accelerator, const reconcile::RealizedState& realized, Detail detail) {
    auto paths = accelerator.short_way().paths();
    if (!paths) return tl::make_unexpected(paths.error());
    const auto pairs = accelerator.short_way().pairs();
    if (!pairs) return tl::make_unexpected(pairs.error());

    json::array pair_rows;
    std::map<std::uint32_t, Live> live;
    for (const auto& [id, pair] : *pairs) {
        auto& sum = live[pair.service_id];
        sum.connections += pair.left == 0 ? 1 : 0;
        for (int side = 0; side < 2; ++side) {
            if (pair.ends[side].socket == 0 || pair.ends[side].closed != 0) continue;  // closed: md_paths has it
            sum.bytes_short += pair.ways[side].bytes;
            sum.messages_short += pair.ways[side].messages;
        }
        paths->try_emplace(pair.service_id);
        if (detail == Detail::services) continue;
        const auto view = accelerator.short_way().look(id, 0);
        if (!view) return tl::make_unexpected(view.error());
        if (view->found == 0) continue;
        for (const auto& end : view->ends) sum.bytes_tcp += end.bytes_tcp;
        pair_rows.emplace_back(pair_json(*view, name_of(realized, pair.service_id)));
    }

    json::array service_rows;
    for (const auto& [id, path] : *paths) {
        const auto* const service = name_of(realized, id);
        if (service == nullptr && id != 0) continue;  // it has gone
        const auto& open = live[id];
        const auto [state, until] = state_of(accelerator, realized.find(id));
        service_rows.emplace_back(json::object{{"service", service != nullptr ? service->service : ""},
                                               {"port", service != nullptr ? service->port : 0},
                                               {"state", state},
                                               {"until", until},
                                               {"connections", open.connections},
                                               {"opened", path.opened},
                                               {"left", path.left},
                                               {"bytes_short", path.bytes_short + open.bytes_short},
                                               {"messages_short", path.messages_short + open.messages_short},
                                               {"bytes_tcp", path.bytes_tcp + open.bytes_tcp},
                                               {"messages_tcp", messages_by_tcp(path)},
                                               {"why_tcp", why_json(path)}});
    }
    return json::object{{"services", std::move(service_rows)}, {"pairs", std::move(pair_rows)}};
}

}  // namespace meshd::acceleration
