// SPDX-License-Identifier: Apache-2.0
#include "config/service_reader.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "config/backend_reader.hpp"
#include "config/backends_from_reader.hpp"
#include "config/characters.hpp"
#include "config/forwarding_reader.hpp"
#include "config/mapping_reader.hpp"
#include "config/service_settings_reader.hpp"
#include "model/misfit.hpp"

namespace meshd::config {

namespace {

constexpr std::array<std::string_view, 20> service_keys{
    "name",      "address", "addresses",       "port",         "ports",   "target_port", "node_port", "protocol",
    "balancing", "subsets", "when_no_backend", "acceleration", "forward", "affinity",    "limits",    "drain",
    "health",    "tls",     "backends",        "backends_from"};
constexpr std::array<std::string_view, 5> port_keys{"name", "port", "target_port", "node_port", "protocol"};
constexpr std::array<std::string_view, 2> protocols{"tcp", "udp"};

void read_name(Document& document, const MappingReader& object, ReadService& result) {
    if (!object.require("name") || !object.text("name", result.service.name)) return;
    const auto value = object.find("name");
    result.marks.name = value.mark();
    if (!model::is_service_name(result.service.name))
        refuse_value(
            document, value, "\"name\"",
            fmt::format("at most {} letters, digits, \".\", \"-\", \"_\" and \"/\", with a letter or a digit at both ends",
                        model::max_name_length));
}

void add_service_address(Document& document, Value value, std::string_view label, ReadService& result) {
    constexpr std::string_view expected = "a unicast address that is not link-local";
    const auto address = read_address(document, value, label);
    if (!address) return;
    if (address->is_unspecified() || address->is_multicast() || address->is_link_local() || is_broadcast(*address)) {
        refuse_value(document, value, label, expected);
        return;
    }
    auto& addresses = result.service.addresses;
    if (std::find(addresses.begin(), addresses.end(), *address) != addresses.end())
        document.refuse(value.mark(), fmt::format("address {} is given twice", address->text()));
    addresses.push_back(*address);
    result.marks.addresses.push_back(value.mark());
}

void read_addresses(Document& document, const MappingReader& object, ReadService& result) {
    if (!object.require_one_of("address", "addresses")) return;
    if (const auto one = object.find("address"); one.exists()) return add_service_address(document, one, "\"address\"", result);
    const auto list = object.find("addresses");
    if (!expect_list(document, list, "\"addresses\"", "addresses")) return;
    if (list.size() == 0) document.refuse(list.mark(), "\"addresses\" must have at least one address, found none");
    result.service.addresses.reserve(list.size());
    result.marks.addresses.reserve(list.size());
    for (const auto item : list) add_service_address(document, item, "an address", result);
}

// A port's name is a key of the backends' "ports", so it is as plain as a service's name, without the slash.
void check_port_name(Document& document, Value value, const std::string& name) {
    if (name.size() <= model::max_port_name_length && model::is_service_name(name) && name.find('/') == std::string::npos) return;
    refuse_value(document, value, "\"name\"",
                 fmt::format("at most {} letters, digits, \".\", \"-\" and \"_\", with a letter or a digit at both ends",
                             model::max_port_name_length));
}

PortDraft read_port(Document& document, Value value, base::Protocol protocol) {
    PortDraft draft;
    draft.mark = value.mark();
    draft.protocol = protocol;
    MappingReader object(document, value, "a port", port_keys);
    if (object.text("name", draft.name)) check_port_name(document, object.find("name"), draft.name);
    object.require("port");
    object.number("port", draft.number, port_range);
    draft.target = draft.number;
    object.number("target_port", draft.target, port_range);
    object.number("node_port", draft.node_port, port_range);
    object.choice("protocol", draft.protocol, protocols, base::parse_protocol);
    return draft;
}

void check_ports_differ(Document& document, const std::vector<PortDraft>& drafts) {
    for (std::size_t i = 0; i < drafts.size(); ++i) {
        const auto& draft = drafts[i];
        if (draft.name.empty() && drafts.size() > 1)
            document.refuse(draft.mark,
                            fmt::format("port {} needs the key \"name\", since the service has several ports", draft.number));
        for (std::size_t earlier = 0; earlier < i && document.ok(); ++earlier) {
            const auto& other = drafts[earlier];
            if (draft.number == other.number && draft.protocol == other.protocol)
                document.refuse(draft.mark, fmt::format("port {}/{} is given twice, first in line {}", draft.number,
                                                        base::name(draft.protocol), other.mark.line));
            if (draft.node_port != 0 && draft.node_port == other.node_port && draft.protocol == other.protocol)
                document.refuse(draft.mark, fmt::format("node port {}/{} is given twice, first in line {}", draft.node_port,
                                                        base::name(draft.protocol), other.mark.line));
            if (draft.name == other.name)
                document.refuse(draft.mark,
                                fmt::format("port name {} is given twice, first in line {}", quote(draft.name), other.mark.line));
        }
    }
}

std::vector<PortDraft> read_ports(Document& document, const MappingReader& object) {
    std::vector<PortDraft> drafts;
    auto protocol = base::Protocol::tcp;
    object.choice("protocol", protocol, protocols, base::parse_protocol);
    if (!object.require_one_of("port", "ports")) return drafts;
    if (const auto one = object.find("port"); one.exists()) {
        PortDraft draft;
        draft.mark = one.mark();
        draft.protocol = protocol;
        object.number("port", draft.number, port_range);
        draft.target = draft.number;
        object.number("target_port", draft.target, port_range);
        object.number("node_port", draft.node_port, port_range);
        drafts.push_back(std::move(draft));
        return drafts;
    }
    for (const std::string key : {"target_port", "node_port"})
        if (const auto value = object.find(key); value.exists())
            document.refuse(value.mark(),
                            fmt::format("\"{}\" of a service belongs to \"port\", and the service has \"ports\"", key),
                            fmt::format("give \"{}\" in the items of \"ports\"", key));
    const auto list = object.find("ports");
    if (!expect_list(document, list, "\"ports\"", "ports")) return drafts;
    if (list.size() == 0) document.refuse(list.mark(), "\"ports\" must have at least one port, found none");
    if (list.size() > max_ports)
        document.refuse(list.mark(), fmt::format("\"ports\" must have at most {} ports, found {}", max_ports, list.size()));
    drafts.reserve(list.size());
    for (const auto item : list) {
        if (!document.ok()) return drafts;
        drafts.push_back(read_port(document, item, protocol));
    }
    check_ports_differ(document, drafts);
    return drafts;
}

void check_encryption(Document& document, const MappingReader& object, const ReadService& read) {
    if (!document.ok()) return;
    if (auto misfit = model::find_tls_misfit(read.service))
        document.refuse(object.find("tls").mark(), std::move(misfit->detail), std::move(misfit->remedy));
}

}  // namespace

ReadService read_service(Document& document, Value value) {
    ReadService result;
    MappingReader object(document, value, "a service", service_keys);
    read_name(document, object, result);
    read_addresses(document, object, result);
    auto drafts = read_ports(document, object);
    model::ServiceSettings settings;
    read_settings(document, object, true, settings);
    model::apply(settings, result.service);
    if (const auto from = object.find("backends_from"); from.exists()) {
        object.require_one_of("backends", "backends_from");
        if (document.ok()) read_backends_from(document, from, drafts, result.service);
    } else {
        object.require("backends", "write \"backends: []\" for a service that has none");
        if (document.ok()) read_backends(document, object.find("backends"), drafts, result);
    }
    check_direct_return(document, result);
    check_encryption(document, object, result);
    return result;
}

}  // namespace meshd::config
