// SPDX-License-Identifier: Apache-2.0
#include "flows/names.hpp"

#include <array>
#include <utility>

#include <net/if.h>
#include <boost/json.hpp>

#include "reconcile/encode.hpp"

namespace meshd::flows {

namespace json = boost::json;

namespace {

std::string text(const md_endpoint& endpoint) { return endpoint.protocol == 0 ? "" : reconcile::decode(endpoint).text(); }

}  // namespace

NamesPtr names_of(const reconcile::RealizedState& realized, PodNames pods) {
    auto names = std::make_shared<Names>();
    names->pods = std::move(pods);
    names->generation = realized.generation();
    names->services.reserve(realized.services().size());
    names->backends.reserve(realized.backend_count());
    for (const auto& [id, service] : realized.services()) {
        if (service.name) names->services.emplace(id, *service.name);
        for (const auto& [backend_id, backend] : service.backends) names->backends.emplace(backend_id, backend.endpoint);
    }
    return names;
}

std::string device_name(std::uint32_t index) {
    std::array<char, IF_NAMESIZE> name{};
    return index != 0 && ::if_indextoname(index, name.data()) != nullptr ? name.data() : "";
}

json::object flow_json(const Flow& flow, const Names& names, CgroupNames& cgroups, std::uint64_t now_ns) {
    const auto service = names.services.find(flow.service_id);
    const auto end_ns = flow.is_over() ? flow.seen_ns : now_ns;
    const auto age_ns = end_ns > flow.start_ns ? end_ns - flow.start_ns : 0;
    const auto& numbers = flow.numbers;
    // A socket that was led to a listener which encrypts: see docs/steering.md.
    const auto backend = flow.source == Source::client ? names.backends.find(flow.backend_id) : names.backends.end();
    const bool is_led = backend != names.backends.end() && !reconcile::same_bytes(backend->second, flow.server);
    const auto& cgroup = cgroups.path_of(flow.cgroup);
    json::object row{{"protocol", base::name(reconcile::protocol_of(flow.client))},
                     {"client", text(flow.client)},
                     {"server", text(is_led ? backend->second : flow.server)},
                     {"service", service == names.services.end() ? "" : service->second.service},
                     {"asked", text(flow.service)},
                     {"state", control::flow_states.at(static_cast<std::size_t>(flow.state))},
                     {"source", control::flow_sources.at(static_cast<std::size_t>(flow.source))},
                     {"cgroup", cgroup},
                     {"pod", names.pods.name_of(cgroup)},
                     {"device", device_name(flow.device)},
                     {"age_ms", age_ns / 1'000'000U},
                     {"bytes_out", numbers.bytes_out},
                     {"bytes_in", numbers.bytes_in},
                     {"short_out", numbers.short_out},
                     {"short_in", numbers.short_in},
                     {"packets_out", numbers.packets_out},
                     {"packets_in", numbers.packets_in},
                     {"connect_us", flow.connect_us},
                     {"rtt_us", numbers.rtt_us},
                     {"min_rtt_us", numbers.min_rtt_us},
                     {"response_us", numbers.response_us},
                     {"retransmits", numbers.retransmits}};
    if (is_led) row["via"] = text(flow.server);
    return row;
}

}  // namespace meshd::flows
