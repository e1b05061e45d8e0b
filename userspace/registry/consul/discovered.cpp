// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/discovered.hpp"

#include <set>

#include "config/backend_reader.hpp"

namespace meshd::registry::consul {

namespace {

tl::unexpected<base::Error> refuse(const std::string& name, std::string why, std::string remedy = {}) {
    return base::fail({"take", "service " + name + " of Consul", 0, std::move(why), std::move(remedy)});
}

bool may_be_service(const base::IpAddress& address) {
    return !address.is_unspecified() && !address.is_multicast() && !address.is_link_local() && !config::is_broadcast(address);
}

}  // namespace

base::Result<std::optional<model::Service>> discovered(const std::string& name, const Instances& instances) {
    std::set<base::IpAddress> addresses;
    std::set<std::uint16_t> ports;
    std::set<base::Protocol> protocols;
    for (const auto& instance : instances.instances) {
        if (!instance.virtual_address) continue;
        addresses.insert(instance.virtual_address->address);
        ports.insert(instance.virtual_address->port);
        protocols.insert(instance.protocol.value_or(base::Protocol::tcp));
    }
    if (addresses.empty()) return std::optional<model::Service>{};
    if (!model::is_service_name(name))
        return refuse(name, "its name is not one of a service", "name it by letters, digits, '.', '-' and '_' alone");
    for (const auto& address : addresses)
        if (!may_be_service(address)) return refuse(name, "its virtual address " + address.text() + " is not one of a service");
    if (ports.size() > 1)
        return refuse(name,
                      "its instances have virtual addresses with ports " + std::to_string(*ports.begin()) + " and " +
                          std::to_string(*ports.rbegin()),
                      "give all of them the same");
    if (protocols.size() > 1)
        return refuse(name, "some of its instances have the meta \"meshd-protocol: udp\" and others do not",
                      "give it to all of them");

    model::Service service;
    service.name = name;
    service.addresses.assign(addresses.begin(), addresses.end());
    model::ServicePort port;
    port.number = *ports.begin();
    port.protocol = *protocols.begin();
    for (auto& backend : backends_of(instances, {}))
        if (backend.endpoint.port != 0) port.backends.push_back(std::move(backend));
    service.ports.push_back(std::move(port));
    return std::optional(std::move(service));
}

}  // namespace meshd::registry::consul
