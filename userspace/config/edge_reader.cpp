// SPDX-License-Identifier: Apache-2.0
#include "config/edge_reader.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "config/acme_reader.hpp"
#include "config/backend_reader.hpp"
#include "config/characters.hpp"
#include "config/system_names.hpp"
#include "model/service.hpp"

namespace meshd::config {

namespace {

constexpr std::array<std::string_view, 2> edge_keys{"listeners", "acme"};
constexpr std::array<std::string_view, 6> listener_keys{"name", "listen", "profile", "strict_names", "certificates", "routes"};
constexpr std::array<std::string_view, 4> certificate_keys{"certificate", "key", "ocsp", "acme"};
constexpr std::array<std::string_view, 6> route_keys{"names", "service", "port", "pass_through", "alpn", "proxy_protocol"};
constexpr std::array<std::string_view, 2> profiles{"intermediate", "modern"};
constexpr std::array<std::string_view, 3> proxy_protocols{"none", "v1", "v2"};

constexpr std::string_view a_server_name =
    "a name in lower case such as shop.example.org, one with a wildcard such as \"*.shop.example.org\", or \"*\"";
constexpr std::string_view a_listen_address = "an address and a port such as \"[::]:443\" or 192.0.2.1:443";

bool is_list_of(Document& document, const MappingReader& object, std::string_view key, std::size_t most,
                std::string_view of_what) {
    const auto list = object.find(key);
    const auto label = '"' + std::string(key) + '"';
    if (!document.ok() || !list.exists() || !expect_list(document, list, label, of_what)) return false;
    if (list.size() <= most) return true;
    return document.refuse(list.mark(), fmt::format("{} must have at most {} {}, found {}", label, most, of_what, list.size()));
}

void read_name(Document& document, const MappingReader& object, std::string_view key, std::string& result) {
    if (!object.require(key) || !object.text(key, result)) return;
    if (!model::is_service_name(result))
        refuse_value(document, object.find(key), '"' + std::string(key) + '"',
                     "letters, digits, \".\", \"-\", \"_\" and \"/\", with a letter or a digit at both ends");
}

void read_listen(Document& document, const MappingReader& object, base::SocketAddress& result) {
    std::string text;
    if (!object.require("listen", "write an address and a port, such as \"[::]:443\"") || !object.text("listen", text)) return;
    const auto address = base::SocketAddress::parse(text);
    if (address && address->port != 0)
        result = *address;
    else
        refuse_value(document, object.find("listen"), "\"listen\"", a_listen_address);
}

using Acme = std::optional<model::AcmeSettings>;

model::EdgeCertificate read_certificate(Document& document, const MappingReader& object, const Acme& acme) {
    model::EdgeCertificate result;
    if (object.has("acme")) {
        for (const auto* const key : {"certificate", "key", "ocsp"})
            if (document.ok() && object.has(key))
                document.refuse(object.find(key).mark(), fmt::format("\"{}\" means nothing beside \"acme\"", key),
                                "remove one of them: a certificate comes from files, or is issued");
        read_acme_names(document, object, acme, result.acme);
        return result;
    }
    if (object.require("certificate")) read_path(document, object, "certificate", result.files.certificate);
    if (object.require("key")) read_path(document, object, "key", result.files.key);
    read_path(document, object, "ocsp", result.ocsp);
    return result;
}

// `seen`: where each name of the listener stands.
void read_names(Document& document, const MappingReader& object, std::map<std::string, Mark>& seen, model::EdgeRoute& result) {
    if (!object.require("names", "write the names of servers that clients ask for, or \"*\" for all") ||
        !is_list_of(document, object, "names", model::max_route_names, "names"))
        return;
    const auto list = object.find("names");
    if (list.size() == 0) document.refuse(list.mark(), "\"names\" must have at least one name", "write \"*\" for all");
    for (const auto item : list) {
        const auto text = read_text(document, item, "a name", a_server_name);
        if (!text) return;
        std::string name(*text);
        if (!model::is_server_name_pattern(name)) {
            refuse_value(document, item, "a name", a_server_name);
            return;
        }
        if (const auto [first, is_new] = seen.emplace(name, item.mark()); !is_new)
            document.refuse(item.mark(), fmt::format("name {} is given twice, first in line {}", quote(name), first->second.line),
                            "each name of a listener belongs to one route");
        result.names.push_back(std::move(name));
    }
}

// A name or a number, which YAML tells apart.
void read_port(Document& document, const MappingReader& object, model::EdgeRoute& result) {
    const auto value = object.find("port");
    if (!value.exists()) return;
    constexpr std::string_view expected = "the name or the number of a port of the service";
    if (value.kind() != Kind::scalar || value.text().empty() || value.text().size() > model::max_port_name_length)
        refuse_value(document, value, "\"port\"", expected);
    else
        result.port = value.text();
}

model::EdgeRoute read_route(Document& document, const MappingReader& object, std::map<std::string, Mark>& seen) {
    model::EdgeRoute result;
    read_names(document, object, seen, result);
    read_name(document, object, "service", result.service);
    read_port(document, object, result);
    object.boolean("pass_through", result.pass_through);
    read_protocols(document, object, result.alpn);
    object.choice("proxy_protocol", result.proxy_protocol, proxy_protocols, model::parse_proxy_protocol);
    if (document.ok() && result.pass_through && object.has("alpn"))
        document.refuse(object.find("alpn").mark(), "\"alpn\" means nothing with \"pass_through: true\"",
                        "the backend offers what it speaks; remove \"alpn\"");
    return result;
}

model::EdgeListener read_listener(Document& document, const MappingReader& object, const Acme& acme) {
    model::EdgeListener result;
    read_name(document, object, "name", result.name);
    read_listen(document, object, result.listen);
    object.choice("profile", result.profile, profiles, model::parse_tls_profile);
    object.boolean("strict_names", result.strict_names);
    if (is_list_of(document, object, "certificates", model::max_edge_certificates, "certificates"))
        for (const auto item : object.find("certificates")) {
            const MappingReader certificate(document, item, "a certificate", certificate_keys);
            if (!document.ok()) return result;
            result.certificates.push_back(read_certificate(document, certificate, acme));
        }
    std::map<std::string, Mark> seen;
    if (object.require("routes", "write which names go to which service") &&
        is_list_of(document, object, "routes", model::max_edge_routes, "routes"))
        for (const auto item : object.find("routes")) {
            const MappingReader route(document, item, "a route", route_keys);
            if (!document.ok()) return result;
            result.routes.push_back(read_route(document, route, seen));
        }
    if (!document.ok()) return result;
    check_acme(document, object, result, acme);
    if (result.routes.empty()) document.refuse(object.mark(), "a listener needs at least one route");
    const bool terminates =
        std::any_of(result.routes.begin(), result.routes.end(), [](const auto& one) { return !one.pass_through; });
    if (terminates && result.certificates.empty())
        document.refuse(object.mark(), fmt::format("listener {} has routes that end TLS, and no certificate", quote(result.name)),
                        "write \"certificates\", or \"pass_through: true\" where the backend has its own");
    return result;
}

}  // namespace

void read_protocols(Document& document, const MappingReader& object, std::vector<std::string>& result) {
    if (!is_list_of(document, object, "alpn", model::max_route_protocols, "protocols")) return;
    for (const auto item : object.find("alpn")) {
        const auto text = read_text(document, item, "a protocol", "a name such as h2 or http/1.1");
        if (!text) return;
        if (text->empty() || text->size() > model::max_protocol_length)
            refuse_value(document, item, "a protocol", "a name of 1 to 255 bytes such as h2 or http/1.1");
        else if (std::find(result.begin(), result.end(), *text) != result.end())
            document.refuse(item.mark(), fmt::format("protocol {} is given twice", quote(*text)));
        result.emplace_back(*text);
    }
}

void read_edge(Document& document, const MappingReader& top, model::EdgeListeners& result, Acme& acme) {
    read_section(document, top, "edge", edge_keys, [&](const MappingReader& edge) {
        read_acme(document, edge, acme);
        if (!is_list_of(document, edge, "listeners", model::max_edge_listeners, "listeners")) return;
        std::map<std::string, Mark> names;
        std::map<base::SocketAddress, Mark> addresses;
        std::size_t count = 0;
        for (const auto item : edge.find("listeners")) {
            const MappingReader object(document, item, "a listener", listener_keys);
            if (!document.ok()) return;
            auto one = read_listener(document, object, acme);
            if (!document.ok()) return;
            if (const auto [first, is_new] = names.emplace(one.name, item.mark()); !is_new)
                document.refuse(item.mark(),
                                fmt::format("listener {} is given twice, first in line {}", quote(one.name), first->second.line));
            if (const auto [first, is_new] = addresses.emplace(one.listen, item.mark()); !is_new)
                document.refuse(
                    object.find("listen").mark(),
                    fmt::format("two listeners have the address {}, the first in line {}", one.listen.text(), first->second.line),
                    "give one of them another port, or put their routes together");
            for (const auto& route : one.routes) count += route.names.size();
            if (count > model::max_edge_names)
                document.refuse(item.mark(),
                                fmt::format("all listeners together must have at most {} names", model::max_edge_names),
                                "put names that differ in one label together with a wildcard");
            result.push_back(std::move(one));
        }
    });
}

}  // namespace meshd::config
