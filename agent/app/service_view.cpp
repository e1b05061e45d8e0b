// SPDX-License-Identifier: Apache-2.0
#include "app/service_view.hpp"

#include "app/policy_setup.hpp"
#include "app/standing_view.hpp"

#include <boost/json.hpp>

#include "app/backend_figures.hpp"
#include "base/time_text.hpp"
#include "model/service_json.hpp"

namespace meshd::app {

namespace json = boost::json;

PortView::PortView(const reconcile::RealizedState& realized, const reconcile::PortKey& key) {
    id_ = realized.id_of(key).value_or(0);
    kernel_ = id_ != 0 ? realized.find(id_) : nullptr;
    if (kernel_ == nullptr) return;
    for (const auto& slot : kernel_->table)
        if (slot.backend_id != 0) ++slots_[slot.backend_id];
    for (const auto& [id, backend] : kernel_->backends) ids_.emplace(backend.endpoint, id);
}

std::uint32_t PortView::backend_id(const model::Backend& backend, base::Protocol protocol) const {
    const auto found = ids_.find(reconcile::encode(backend.endpoint, protocol));
    return found == ids_.end() ? 0 : found->second;
}

std::uint32_t PortView::slots(std::uint32_t backend_id) const {
    const auto found = slots_.find(backend_id);
    return found == slots_.end() ? 0 : found->second;
}

double PortView::share(std::uint32_t backend_id) const {
    const auto own = slots(backend_id);
    if (own == 0) return 0;
    const auto& head = kernel_->table.front().table;
    const bool v4 = reconcile::decode(kernel_->backends.at(backend_id).endpoint).address.is_v4();
    const auto near = v4 ? head.near_v4 : head.near_v6;
    if (near == 0) return static_cast<double>(own) / (v4 ? head.slots_v4 : head.slots_v6);
    return is_near(*kernel_, backend_id) ? static_cast<double>(own) / near : 0;
}

namespace {

json::object limited_json(const std::map<std::uint32_t, kernel::LimitFigures>& limits, std::uint32_t id) {
    const auto found = limits.find(id);
    const auto figures = found != limits.end() ? found->second : kernel::LimitFigures{};
    return {{"open", figures.open}, {"refused_connections", figures.refused_connections}, {"refused_rate", figures.refused_rate}};
}

}  // namespace

json::value probe_view(const Context& context, const model::Service& service, const model::ServicePort& port,
                       const model::Backend& backend) {
    if (!service.health.probe) return nullptr;
    const auto verdict = context.probes.verdict(service, port, backend.endpoint);
    return json::object{{"state", verdict.healthy ? "healthy" : "unhealthy"},
                        {"reason", verdict.since ? verdict.reason : "no probe has decided yet"},
                        {"since", verdict.since ? base::time_text(*verdict.since) : ""}};
}

base::Result<kernel::Connects> connects_of(const Context& context, const model::Service& service) {
    kernel::Connects all;
    for (const auto& port : service.ports) {
        const PortView kernel(context.reconciler->realized(), {service.name, port.number, port.protocol});
        std::vector<std::uint32_t> ids{0};  // of connections that no backend took
        for (const auto& backend : port.backends) ids.push_back(kernel.backend_id(backend, port.protocol));
        auto some = kernel::Connects::read(*context.datapath, kernel.id(), ids);
        if (!some) return some;
        all.merge(std::move(*some));
    }
    return all;
}

json::object service_view(const Context& context, const model::Service& service, const kernel::Connects& connects) {
    auto view = model::to_json(service);
    view.emplace("balancing_options", json::object{});
    view.emplace("subsets", json::array{});
    view.emplace("acceleration", "auto");  // unless it says something itself, and so on
    view.emplace("forward", "auto");
    view.emplace("affinity_s", 0);
    view.emplace("drain", model::to_json(service.drain));
    const auto& pending = context.reconciler->pending();
    const auto why = pending.find(service.name);
    view["status"] = why == pending.end() ? "applied" : "pending";
    view["why"] = why == pending.end() ? "" : why->second;
    const bool has_limits = service.limits != model::Limits{} && context.policy != nullptr;
    const auto read = has_limits ? context.policy->limits().figures() : std::map<std::uint32_t, kernel::LimitFigures>{};
    const auto* const limits = has_limits && read ? &*read : nullptr;

    auto& ports = view["ports"].as_array();
    for (std::size_t p = 0; p < service.ports.size(); ++p) {
        const auto& port = service.ports[p];
        const PortView kernel(context.reconciler->realized(), {service.name, port.number, port.protocol});
        auto& port_json = ports[p].as_object();
        md_connects sum{};
        auto& backends = port_json["backends"].as_array();
        for (std::size_t b = 0; b < port.backends.size(); ++b) {
            const auto id = kernel.backend_id(port.backends[b], port.protocol);
            const auto count = connects.of(kernel.id(), id);
            auto& backend_json = backends[b].as_object();
            add_standing(context, {service.name, port.number, port.protocol}, port.backends[b].endpoint, backend_json);
            backend_json["id"] = id;
            backend_json["connects"] = id != 0 ? count.connects : 0;
            backend_json["datagrams"] = id != 0 ? count.datagrams : 0;
            backend_json["share"] = kernel.share(id);
            backend_json["health"] = probe_view(context, service, port, port.backends[b]);
            if (id != 0) {
                sum.connects += count.connects;
                sum.datagrams += count.datagrams;
            }
        }
        const auto refused = connects.of(kernel.id(), 0);
        port_json.emplace("node_port", 0);
        port_json["panic"] = context.health->states().in_panic({service.name, port.number, port.protocol});
        port_json["id"] = kernel.id();
        port_json["connects"] = sum.connects;
        port_json["datagrams"] = sum.datagrams;
        port_json["refused"] = refused.connects + refused.datagrams;
        if (limits != nullptr) port_json["limited"] = limited_json(*limits, kernel.id());
    }
    return view;
}

void append_backends(const Context& context, const model::Service& service, const kernel::Connects& connects, json::array& rows) {
    for (const auto& port : service.ports) {
        const PortView kernel(context.reconciler->realized(), {service.name, port.number, port.protocol});
        for (const auto& backend : port.backends) {
            const auto id = kernel.backend_id(backend, port.protocol);
            const auto count = id != 0 ? connects.of(kernel.id(), id) : md_connects{};
            auto& row = rows.emplace_back(json::object{{"service", service.name},
                                                       {"port", port.number},
                                                       {"protocol", base::name(port.protocol)},
                                                       {"port_name", port.name},
                                                       {"id", id},
                                                       {"address", backend.endpoint.address.text()},
                                                       {"backend_port", backend.endpoint.port},
                                                       {"weight", backend.weight},
                                                       {"health", probe_view(context, service, port, backend)},
                                                       {"locality", backend.locality},
                                                       {"connects", count.connects},
                                                       {"datagrams", count.datagrams},
                                                       {"share", kernel.share(id)}})
                            .as_object();
            add_standing(context, {service.name, port.number, port.protocol}, backend.endpoint, row);
            add_vitals(context, id, row);
        }
    }
}

}  // namespace meshd::app
