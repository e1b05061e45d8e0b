// SPDX-License-Identifier: Apache-2.0
#include "model/service_json.hpp"

#include <algorithm>
#include <set>
#include <type_traits>

#include <boost/json.hpp>

#include "model/balancing_json.hpp"
#include "model/health_json.hpp"
#include "model/misfit.hpp"
#include "model/tls_json.hpp"

namespace meshd::model {

namespace json = boost::json;

namespace {

tl::unexpected<base::Error> invalid(std::string_view where, std::string_view expected) {
    return base::fail({"read service from JSON at", std::string(where), 0, "expected " + std::string(expected), {}});
}

const json::value* member(const json::object& object, std::string_view key) { return object.if_contains(key); }

// Absent and empty are the same: every text field of the form is optional but the name.
std::optional<std::string_view> text(const json::object& object, std::string_view key) {
    const auto* const value = member(object, key);
    if (value == nullptr) return std::string_view{};
    if (!value->is_string()) return std::nullopt;
    return std::string_view(value->get_string());
}

template <typename Number = std::uint16_t>
std::optional<Number> number(const json::object& object, std::string_view key, std::type_identity_t<Number> least,
                             std::type_identity_t<Number> most) {
    const auto* const value = member(object, key);
    if (value == nullptr) return std::nullopt;
    std::int64_t wide = -1;
    if (value->is_int64())
        wide = value->get_int64();
    else if (value->is_uint64() && value->get_uint64() <= most)
        wide = static_cast<std::int64_t>(value->get_uint64());
    if (wide < least || wide > most) return std::nullopt;
    return static_cast<Number>(wide);
}

json::object backend_to_json(const Backend& backend) {
    json::object object{{"address", backend.endpoint.address.text()},
                        {"port", backend.endpoint.port},
                        {"weight", backend.weight},
                        {"state", name(backend.state)},
                        {"locality", backend.locality}};
    labels_to_json(backend.labels, object);
    if (backend.host) object.emplace("host", backend.host->text());
    return object;
}

base::Result<Backend> backend_from_json(const json::value& value, const std::string& where) {
    if (!value.is_object()) return invalid(where, "an object");
    const auto& object = value.get_object();
    Backend backend;
    const auto address = base::IpAddress::parse(text(object, "address").value_or(""));
    if (!address || address->is_unspecified() || address->is_multicast())
        return invalid(where + ".address", "a unicast IP address");
    const auto port = number(object, "port", 1, 65535);
    if (!port) return invalid(where + ".port", "a number from 1 to 65535");
    const auto weight = number(object, "weight", 0, max_weight);
    if (!weight) return invalid(where + ".weight", "a number from 0 to 1000");
    const auto state_text = text(object, "state").value_or("");
    const auto state = state_text == name(BackendState::unhealthy) ? BackendState::unhealthy : parse_backend_state(state_text);
    if (!state) return invalid(where + ".state", "ready, drain, maint or unhealthy");
    const auto locality = text(object, "locality");
    if (!locality) return invalid(where + ".locality", "text");
    if (auto read = labels_from_json(object, where, backend.labels); !read) return tl::make_unexpected(read.error());
    if (member(object, "host") != nullptr) {
        backend.host = base::IpAddress::parse(text(object, "host").value_or(""));
        if (!backend.host || backend.host->is_unspecified() || backend.host->is_multicast())
            return invalid(where + ".host", "a unicast IP address");
    }
    backend.endpoint = {*address, *port};
    backend.weight = *weight;
    backend.state = *state;
    backend.locality = *locality;
    return backend;
}

base::Result<ServicePort> port_from_json(const json::value& value, const std::string& where) {
    if (!value.is_object()) return invalid(where, "an object");
    const auto& object = value.get_object();
    ServicePort port;
    const auto port_name = text(object, "name");
    if (!port_name || port_name->size() > max_port_name_length) return invalid(where + ".name", "text of at most 63 bytes");
    const auto port_number = number(object, "port", 1, 65535);
    if (!port_number) return invalid(where + ".port", "a number from 1 to 65535");
    const auto protocol = base::parse_protocol(text(object, "protocol").value_or(""));
    if (!protocol) return invalid(where + ".protocol", "tcp or udp");
    if (member(object, "node_port") != nullptr) {
        const auto node_port = number(object, "node_port", 1, 65535);
        if (!node_port) return invalid(where + ".node_port", "a number from 1 to 65535");
        port.node_port = *node_port;
    }
    port.name = *port_name;
    port.number = *port_number;
    port.protocol = *protocol;

    const auto* const backends = member(object, "backends");
    if (backends == nullptr || !backends->is_array()) return invalid(where + ".backends", "an array");
    std::set<base::SocketAddress> seen;
    port.backends.reserve(backends->get_array().size());
    for (const auto& item : backends->get_array()) {
        const auto at = where + ".backends[" + std::to_string(port.backends.size()) + "]";
        auto backend = backend_from_json(item, at);
        if (!backend) return tl::make_unexpected(backend.error());
        if (!seen.insert(backend->endpoint).second) return invalid(at, "an address and port that no other backend has");
        port.backends.push_back(std::move(*backend));
    }
    return port;
}

base::Result<std::vector<ServicePort>> ports_from_json(const json::object& object, const std::string& service_name) {
    const auto* const ports = member(object, "ports");
    if (ports == nullptr || !ports->is_array() || ports->get_array().empty())
        return invalid(service_name + ".ports", "an array that is not empty");
    std::vector<ServicePort> result;
    std::set<std::pair<std::uint16_t, base::Protocol>> seen;
    std::set<std::pair<std::uint16_t, base::Protocol>> node_ports;
    for (const auto& item : ports->get_array()) {
        const auto at = service_name + ".ports[" + std::to_string(result.size()) + "]";
        auto port = port_from_json(item, at);
        if (!port) return tl::make_unexpected(port.error());
        if (!seen.emplace(port->number, port->protocol).second) return invalid(at, "a port and protocol that no other port has");
        if (port->node_port != 0 && !node_ports.emplace(port->node_port, port->protocol).second)
            return invalid(at + ".node_port", "a node port that no other port has");
        result.push_back(std::move(*port));
    }
    return result;
}

base::Result<std::vector<base::IpAddress>> addresses_from_json(const json::object& object, const std::string& service_name) {
    const auto* const addresses = member(object, "addresses");
    if (addresses == nullptr || !addresses->is_array() || addresses->get_array().empty())
        return invalid(service_name + ".addresses", "an array that is not empty");
    std::vector<base::IpAddress> result;
    std::set<base::IpAddress> seen;
    for (const auto& item : addresses->get_array()) {
        const auto at = service_name + ".addresses[" + std::to_string(result.size()) + "]";
        const auto address = item.is_string() ? base::IpAddress::parse(std::string_view(item.get_string())) : std::nullopt;
        if (!address || address->is_unspecified() || address->is_multicast()) return invalid(at, "a unicast IP address");
        if (!seen.insert(*address).second) return invalid(at, "an address that is not listed twice");
        result.push_back(*address);
    }
    return result;
}

base::Result<void> read_tls(const json::object& object, Service& service) {
    const auto* const value = member(object, "tls");
    if (value == nullptr) return {};
    auto read = service_tls_from_json(*value, service.name + ".tls");
    if (!read) return tl::make_unexpected(read.error());
    service.tls = *read;
    if (find_tls_misfit(service)) return invalid(service.name + ".tls", "what its ports and its probe can be");
    return {};
}

// What the services of a file are held to, too: see config/forwarding_reader.hpp.
bool allows_direct_return(const Service& service) {
    return std::all_of(service.ports.begin(), service.ports.end(), [](const ServicePort& port) {
        return port.node_port == 0 && std::all_of(port.backends.begin(), port.backends.end(),
                                                  [&](const Backend& backend) { return backend.endpoint.port == port.number; });
    });
}

// Absent members mean what they meant before the keys existed: nothing special.
base::Result<void> read_forwarding(const json::object& object, Service& service) {
    const auto forward = text(object, "forward");
    if (forward != "" && forward != name(Forward::automatic)) {
        const auto known = parse_forward(forward.value_or(""));
        if (!known) return invalid(service.name + ".forward", "auto, nat, dsr or off");
        service.forward = *known;
    }
    if (member(object, "affinity_s") != nullptr) {
        const auto seconds = number<std::uint32_t>(object, "affinity_s", 0, max_affinity_s);
        if (!seconds) return invalid(service.name + ".affinity_s", "a number from 0 to 86400");
        service.affinity_s = *seconds;
    }
    if (service.forward == Forward::dsr && !allows_direct_return(service))
        return invalid(service.name + ".forward", "backends at the service's port and no node port, for dsr");
    return {};
}

base::Result<void> read_limits(const json::object& object, Service& service) {
    const auto* const value = member(object, "limits");
    if (value == nullptr) return {};
    if (!value->is_object()) return invalid(service.name + ".limits", "an object");
    const auto& limits = value->get_object();
    const auto connections = number<std::uint32_t>(limits, "connections", 0, max_limit);
    const auto rate = number<std::uint32_t>(limits, "rate", 0, max_limit);
    const auto burst = number<std::uint32_t>(limits, "burst", 0, max_limit);
    if (!connections || !rate || !burst || (*rate == 0) != (*burst == 0))
        return invalid(service.name + ".limits", "connections, rate and burst from 0 to 1000000, and a burst with a rate only");
    service.limits = {*connections, *rate, *burst};
    return {};
}

base::Result<void> read_drain(const json::object& object, Service& service) {
    const auto* const value = member(object, "drain");
    if (value == nullptr) return {};
    if (!value->is_object()) return invalid(service.name + ".drain", "an object");
    const auto deadline = number<std::uint32_t>(value->get_object(), "deadline_s", 0, max_drain_s);
    if (!deadline) return invalid(service.name + ".drain.deadline_s", "a number from 0 to 604800");
    const auto sockets = parse_drain_sockets(text(value->get_object(), "sockets").value_or(""));
    if (!sockets || (*sockets == DrainSockets::keep && *deadline != 0))
        return invalid(service.name + ".drain.sockets", "close, or keep without a deadline");
    const bool told = member(value->get_object(), "unhealthy") != nullptr;
    const auto unhealthy = told ? parse_drain_sockets(text(value->get_object(), "unhealthy").value_or("")) : DrainSockets::keep;
    if (!unhealthy || (*sockets == DrainSockets::keep && *unhealthy == DrainSockets::close))
        return invalid(service.name + ".drain.unhealthy", "keep, or close with sockets that are closed");
    service.drain = {*deadline, *sockets, *unhealthy};
    return {};
}

json::value acceleration_to_json(Acceleration acceleration) {
    switch (acceleration) {
        case Acceleration::automatic:
            return "auto";
        case Acceleration::named:
            return "on";
        case Acceleration::off:
            return "off";
        case Acceleration::fionread_accepted:
            break;
    }
    return json::object{{"fionread", "accept"}};
}

// Absent is automatic, so that services that were written before the key existed read as before.
std::optional<Acceleration> acceleration_from_json(const json::object& object) {
    const auto* const value = member(object, "acceleration");
    if (value == nullptr) return Acceleration::automatic;
    for (const auto one : {Acceleration::automatic, Acceleration::named, Acceleration::off, Acceleration::fionread_accepted})
        if (*value == acceleration_to_json(one)) return one;
    return std::nullopt;
}

}  // namespace

json::object to_json(const Drain& drain) {
    return {{"deadline_s", drain.deadline_s}, {"sockets", name(drain.sockets)}, {"unhealthy", name(drain.unhealthy)}};
}

json::object to_json(const Service& service) {
    json::array addresses;
    for (const auto& address : service.addresses) addresses.emplace_back(address.text());
    json::array ports;
    for (const auto& port : service.ports) {
        json::array backends;
        backends.reserve(port.backends.size());
        for (const auto& backend : port.backends) backends.emplace_back(backend_to_json(backend));
        json::object port_json{{"name", port.name}, {"port", port.number}, {"protocol", base::name(port.protocol)}};
        if (port.node_port != 0) port_json.emplace("node_port", port.node_port);
        port_json.emplace("backends", std::move(backends));
        ports.emplace_back(std::move(port_json));
    }
    json::object object{{"name", service.name}, {"addresses", std::move(addresses)}};
    balancing_to_json(service, object);
    object.emplace("when_no_backend", name(service.when_no_backend));
    if (service.acceleration != Acceleration::automatic)
        object.emplace("acceleration", acceleration_to_json(service.acceleration));
    if (service.forward != Forward::automatic) object.emplace("forward", name(service.forward));
    if (service.affinity_s != 0) object.emplace("affinity_s", service.affinity_s);
    if (service.limits != Limits{})
        object.emplace("limits", json::object{{"connections", service.limits.connections},
                                              {"rate", service.limits.rate},
                                              {"burst", service.limits.burst}});
    if (service.drain != Drain{}) object.emplace("drain", to_json(service.drain));
    if (service.health != Health{}) object.emplace("health", to_json(service.health));
    if (service.tls != ServiceTls{}) object.emplace("tls", to_json(service.tls));
    object.emplace("source", service.source);
    object.emplace("ports", std::move(ports));
    return object;
}

base::Result<Service> service_from_json(const json::value& value) {
    if (!value.is_object()) return invalid("(top)", "an object");
    const auto& object = value.get_object();
    Service service;
    service.name = text(object, "name").value_or("");
    if (!is_service_name(service.name)) return invalid("name", "a service name");
    auto addresses = addresses_from_json(object, service.name);
    if (!addresses) return tl::make_unexpected(addresses.error());
    auto ports = ports_from_json(object, service.name);
    if (!ports) return tl::make_unexpected(ports.error());
    const auto when_no_backend = parse_when_no_backend(text(object, "when_no_backend").value_or(""));
    if (!when_no_backend) return invalid(service.name + ".when_no_backend", "refuse or unreachable");
    const auto acceleration = acceleration_from_json(object);
    if (!acceleration) return invalid(service.name + ".acceleration", R"(auto, on, off or {"fionread":"accept"})");
    const auto source = text(object, "source");
    if (!source) return invalid(service.name + ".source", "text");

    service.addresses = std::move(*addresses);
    service.ports = std::move(*ports);
    service.when_no_backend = *when_no_backend;
    service.acceleration = *acceleration;
    service.source = *source;
    if (auto read = balancing_from_json(object, service); !read) return tl::make_unexpected(read.error());
    if (auto read = read_forwarding(object, service); !read) return tl::make_unexpected(read.error());
    if (auto read = read_limits(object, service); !read) return tl::make_unexpected(read.error());
    if (auto read = read_drain(object, service); !read) return tl::make_unexpected(read.error());
    if (const auto* const health = member(object, "health"); health != nullptr) {
        auto read = health_from_json(*health, service.name + ".health");
        if (!read) return tl::make_unexpected(read.error());
        service.health = std::move(*read);
    }
    if (auto read = read_tls(object, service); !read) return tl::make_unexpected(read.error());
    return service;
}

}  // namespace meshd::model
