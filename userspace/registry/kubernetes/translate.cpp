// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/translate.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "config/backend_reader.hpp"
#include "registry/kubernetes/source_ranges.hpp"

namespace meshd::registry::kubernetes {

namespace {

tl::unexpected<base::Error> refuse(const Service& service, std::string why, std::string remedy = {}) {
    return base::fail({"accept", "service " + service.key, 0, std::move(why), std::move(remedy)});
}

// What a registry file could not say either.
base::Result<void> check(const Service& service) {
    if (!model::is_service_name(service.key) || service.key.find('/') == std::string::npos)
        return refuse(service, "it has no name of the form NAMESPACE/NAME");
    if (service.ports.size() > config::max_ports)
        return refuse(service, fmt::format("it has {} ports, more than {}", service.ports.size(), config::max_ports));
    for (const auto* const addresses : {&service.cluster_ips, &service.external_ips, &service.load_balancer_ips})
        for (const auto& address : *addresses)
            if (address.is_unspecified() || address.is_multicast() || address.is_link_local() || config::is_broadcast(address))
                return refuse(service, address.text() + " cannot be the address of a service",
                              "give it a unicast address that is not link-local");
    std::set<std::pair<std::uint16_t, base::Protocol>> seen;
    for (const auto& port : service.ports)
        if (port.protocol && !seen.emplace(port.number, *port.protocol).second)
            return refuse(service, fmt::format("it has port {}/{} twice", port.number, base::name(*port.protocol)));
    return {};
}

model::Service without_ports(const Service& service, std::string name) {
    model::Service result;
    result.name = std::move(name);
    result.affinity_s = service.affinity_s;
    result.balancing_options.affinity_s = service.affinity_s;
    // A pod that is not ready gets no connection though no other is; Kubernetes has decided that.
    result.health.panic_percent = 0;
    return result;
}

void add(std::vector<base::IpAddress>& to, const std::vector<base::IpAddress>& more) {
    for (const auto& address : more)
        if (std::find(to.begin(), to.end(), address) == to.end()) to.push_back(address);
}

// The two faces of a service: its addresses in the cluster, and those by which it is reached from outside.
class Translator {
public:
    Translator(const Service& service, std::span<const Slice* const> slices, const Nodes& nodes, const Here& here)
        : service_(service), slices_(slices), nodes_(nodes), here_(here) {}

    base::Result<Translation> run() {
        const bool has_external = !service_.external_ips.empty() || !service_.load_balancer_ips.empty() || has_node_port();
        const bool is_apart = service_.internal != service_.external && has_external;
        auto inside = without_ports(service_, service_.key);
        inside.addresses = service_.cluster_ips;
        if (!is_apart) add_external_addresses(inside);
        add_ports(inside, service_.internal, !is_apart);
        if (inside.ports.empty()) return std::move(result_);
        result_.services.push_back(std::move(inside));
        if (is_apart)
            if (const auto added = add_outside(); !added) return base::fail(added.error());
        for (const auto& service : result_.services)
            if (const auto checked = check_backends(service); !checked) return base::fail(checked.error());
        if (auto rules = source_range_rules(service_); rules)
            result_.rules = std::move(*rules);
        else
            return base::fail(rules.error());
        if (service_.health_check_port != 0) result_.health_check = {service_.health_check_port, service_.key, local_endpoints()};
        return std::move(result_);
    }

private:
    [[nodiscard]] bool has_node_port() const {
        return std::any_of(service_.ports.begin(), service_.ports.end(),
                           [](const auto& port) { return port.node_port != 0 && port.protocol; });
    }

    void add_external_addresses(model::Service& to) const {
        add(to.addresses, service_.external_ips);
        add(to.addresses, service_.load_balancer_ips);
    }

    void add_ports(model::Service& to, Traffic traffic, bool with_node_ports) {
        for (const auto& port : service_.ports) {
            if (!port.protocol) {
                result_.notes.push_back(
                    fmt::format("service {}: port {} is neither TCP nor UDP and is left out", service_.key, port.number));
                continue;
            }
            to.ports.push_back({port.name, port.number, *port.protocol,
                                backends(candidates(port, slices_), traffic, service_.distribution, nodes_, here_),
                                with_node_ports ? port.node_port : std::uint16_t{0}});
        }
    }

    base::Result<void> add_outside() {
        auto outside = without_ports(service_, service_.key + std::string(external_suffix));
        if (!model::is_service_name(outside.name))
            return refuse(service_,
                          fmt::format("its name with \"{}\" is longer than {} bytes", external_suffix, model::max_name_length));
        add_external_addresses(outside);
        std::vector<std::string> notes;
        std::swap(notes, result_.notes);  // said already
        add_ports(outside, service_.external, true);
        std::swap(notes, result_.notes);
        if (outside.addresses.empty()) use_node_addresses(outside);
        if (outside.addresses.empty())
            result_.notes.push_back(
                fmt::format("service {}: its node ports are left out, as addresses of this node are not known", service_.key));
        else
            result_.services.push_back(std::move(outside));
        return {};
    }

    // With node ports alone it is reached by the node's own addresses at these ports.
    void use_node_addresses(model::Service& outside) const {
        outside.addresses = here_.addresses;
        std::erase_if(outside.ports, [](const auto& port) { return port.node_port == 0; });
        for (auto& port : outside.ports) port.number = port.node_port;
    }

    [[nodiscard]] base::Result<void> check_backends(const model::Service& service) const {
        for (const auto& port : service.ports) {
            if (port.backends.size() > config::max_backends)
                return refuse(service_, fmt::format("port {} has {} endpoints, more than {}", port.number, port.backends.size(),
                                                    config::max_backends));
            for (const auto& backend : port.backends)
                if (const auto& address = backend.endpoint.address;
                    address.is_unspecified() || address.is_multicast() || config::is_broadcast(address))
                    return refuse(service_, address.text() + " cannot be the address of an endpoint");
        }
        return {};
    }

    [[nodiscard]] std::size_t local_endpoints() const {
        std::set<base::IpAddress> all;
        for (const auto* const slice : slices_)
            for (const auto& endpoint : slice->endpoints)
                if (endpoint.ready && endpoint.node == here_.node) all.insert(endpoint.address);
        return all.size();
    }

    const Service& service_;
    std::span<const Slice* const> slices_;
    const Nodes& nodes_;
    const Here& here_;
    Translation result_;
};

}  // namespace

base::Result<Translation> translate(const Service& service, std::span<const Slice* const> slices, const Nodes& nodes,
                                    const Here& here) {
    if (service.cluster_ips.empty()) return Translation{};
    if (const auto checked = check(service); !checked) return base::fail(checked.error());
    return Translator(service, slices, nodes, here).run();
}

}  // namespace meshd::registry::kubernetes
