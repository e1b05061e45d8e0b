// SPDX-License-Identifier: Apache-2.0
#include "config/backend_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "config/balancing_reader.hpp"
#include "config/characters.hpp"
#include "config/mapping_reader.hpp"

namespace meshd::config {

namespace {

constexpr std::array<std::string_view, 8> backend_keys{"address",  "port",   "ports", "weight",
                                                       "locality", "labels", "state", "host"};
constexpr std::array<std::string_view, 3> states{"ready", "drain", "maint"};
constexpr std::size_t max_locality_length = 255;  // bytes

void read_backend_address(Document& document, const MappingReader& object, model::Backend& backend) {
    if (!object.require("address")) return;
    if (const auto address = read_unicast_address(document, object.find("address"))) backend.endpoint.address = *address;
    if (object.has("host")) backend.host = read_unicast_address(document, object.find("host"), "\"host\"");
}

// "ports: {http: 8080, metrics: 9090}"
void read_port_numbers(Document& document, Value mapping, const std::vector<PortDraft>& ports,
                       std::vector<std::uint16_t>& numbers) {
    std::vector<std::string_view> names;
    for (const auto& port : ports)
        if (!port.name.empty()) names.push_back(port.name);
    if (names.empty()) {
        document.refuse(mapping.mark(), "\"ports\" of a backend names ports of its service, and this service's port has no name",
                        "write \"port\"");
        return;
    }
    if (mapping.kind() != Kind::mapping) {
        refuse_value(document, mapping, "\"ports\"", fmt::format("a mapping from {} to numbers", join(names, "and")));
        return;
    }
    for (auto item = mapping.begin(); item != mapping.end(); ++item) {
        const auto key = *item;
        ++item;
        const auto port =
            std::find_if(ports.begin(), ports.end(), [&](const PortDraft& draft) { return draft.name == key.text(); });
        if (key.text().empty() || port == ports.end()) return refuse_key(document, key, "\"ports\" of a backend", names);
        const auto number = read_number(document, *item, quote(key.text()), port_range);
        if (number) numbers[static_cast<std::size_t>(port - ports.begin())] = static_cast<std::uint16_t>(*number);
    }
}

// The port this backend has for each port of the service.
void read_port_choice(Document& document, const MappingReader& object, const std::vector<PortDraft>& ports,
                      std::vector<std::uint16_t>& numbers) {
    for (std::size_t i = 0; i < ports.size(); ++i) numbers[i] = ports[i].target;
    const auto one = object.find("port");
    if (one.exists() && ports.size() > 1) {
        document.refuse(one.mark(), "\"port\" of a backend is ambiguous, since the service has several ports",
                        fmt::format("write \"ports: {{{}: NUMBER, …}}\"", ports.front().name));
        return;
    }
    if (one.exists() && object.has("ports")) object.require_one_of("port", "ports");
    object.number("port", numbers.front(), port_range);
    if (const auto several = object.find("ports"); several.exists()) read_port_numbers(document, several, ports, numbers);
}

model::Backend read_backend(Document& document, const MappingReader& object) {
    model::Backend backend;
    read_backend_address(document, object, backend);
    object.number("weight", backend.weight, {0, model::max_weight});
    object.choice("state", backend.state, states, model::parse_backend_state);
    if (object.text("locality", backend.locality) && backend.locality.size() > max_locality_length)
        refuse_value(document, object.find("locality"), "\"locality\"",
                     fmt::format("text of at most {} bytes", max_locality_length));
    read_labels(document, object, backend.labels);
    return backend;
}

void check_endpoints_differ(Document& document, const model::ServicePort& port, const std::vector<Mark>& marks) {
    std::vector<std::size_t> order(port.backends.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto endpoint = [&](std::size_t i) -> const base::SocketAddress& { return port.backends[i].endpoint; };
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return std::pair(endpoint(a), a) < std::pair(endpoint(b), b); });
    for (std::size_t i = 1; i < order.size(); ++i)
        if (endpoint(order[i - 1]) == endpoint(order[i]))
            document.refuse(marks[order[i]], fmt::format("backend {} is given twice, first in line {}", endpoint(order[i]).text(),
                                                         marks[order[i - 1]].line));
}

}  // namespace

std::optional<base::IpAddress> read_unicast_address(Document& document, Value value, std::string_view label) {
    const auto address = read_address(document, value, label);
    if (!address) return std::nullopt;
    if (address->is_unspecified() || address->is_multicast() || is_broadcast(*address))
        refuse_value(document, value, label, "a unicast address");
    // connect() to fe80::/10 needs the index of an interface, which a registry cannot know.
    if (!address->is_v4() && address->is_link_local())
        refuse_value(document, value, label, "an address that needs no interface (not fe80::/10)");
    return address;
}

bool is_broadcast(const base::IpAddress& address) {
    return address.is_v4() &&
           std::all_of(address.bytes.end() - 4, address.bytes.end(), [](std::uint8_t byte) { return byte == 0xff; });
}

void read_backends(Document& document, Value list, std::vector<PortDraft>& ports, ReadService& result) {
    if (!expect_list(document, list, "\"backends\"", "backends")) return;
    if (list.size() > max_backends)
        document.refuse(list.mark(),
                        fmt::format("\"backends\" must have at most {} backends, found {}", max_backends, list.size()));
    result.backends.reserve(list.size());
    result.service.ports.reserve(ports.size());
    for (auto& port : ports) {
        result.service.ports.push_back({port.name, port.number, port.protocol, {}, port.node_port});
        result.service.ports.back().backends.reserve(list.size());
    }
    std::vector<std::uint16_t> numbers(ports.size());
    for (const auto item : list) {
        MappingReader object(document, item, "a backend", backend_keys);
        auto backend = read_backend(document, object);
        read_port_choice(document, object, ports, numbers);
        if (!document.ok()) return;
        result.backends.push_back(item.mark());
        for (std::size_t i = 0; i < ports.size(); ++i) {
            backend.endpoint.port = numbers[i];
            result.service.ports[i].backends.push_back(backend);
        }
    }
    for (const auto& port : result.service.ports) check_endpoints_differ(document, port, result.backends);
}

}  // namespace meshd::config
