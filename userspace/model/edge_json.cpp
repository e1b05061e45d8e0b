// SPDX-License-Identifier: Apache-2.0
#include "model/edge_json.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "model/acme.hpp"
#include "model/members.hpp"
#include "model/service.hpp"

namespace meshd::model {

namespace json = boost::json;

namespace {

template <typename Enum, typename Parse>
void read_choice(Members& members, std::string_view key, Enum& result, Parse parse, std::string_view expected) {
    const auto read = parse(members.text(key));
    if (!read) members.wrong(key, expected);
    result = read.value_or(result);
}

json::object to_json(const EdgeCertificate& certificate) {
    return {{"certificate", certificate.files.certificate},
            {"key", certificate.files.key},
            {"ocsp", certificate.ocsp},
            {"acme", json::array(certificate.acme.begin(), certificate.acme.end())}};
}

EdgeCertificate read_certificate(Members& members) {
    EdgeCertificate certificate{{members.path("certificate"), members.path("key")}, members.path("ocsp", true)};
    certificate.acme = members.texts("acme");
    if (certificate.acme.size() > max_acme_names || !std::all_of(certificate.acme.begin(), certificate.acme.end(), is_acme_name))
        members.wrong("acme", "names of servers");
    return certificate;
}

EdgeRoute read_route(Members& members) {
    EdgeRoute route;
    route.names = members.texts("names");
    if (route.names.empty() || route.names.size() > max_route_names ||
        !std::all_of(route.names.begin(), route.names.end(), is_server_name_pattern))
        members.wrong("names", "names of servers");
    route.service = members.text("service");
    if (!is_service_name(route.service)) members.wrong("service", "the name of a service");
    route.port = members.text("port");
    if (route.port.size() > max_port_name_length) members.wrong("port", "name or number of a port");
    route.pass_through = members.boolean("pass_through");
    route.alpn = members.texts("alpn");
    if (!are_protocols(route.alpn)) members.wrong("alpn", "names of protocols");
    read_choice(members, "proxy_protocol", route.proxy_protocol, parse_proxy_protocol, "none, v1 or v2");
    return route;
}

// Each item of a list within an object, by `read`.
template <typename T, typename Read>
void read_items(Members& members, std::string_view key, std::vector<T>& result, std::size_t most, Read read) {
    for (const auto& item : members.array(key)) {
        Members inner(item, members.where() + "." + std::string(key) + "[" + std::to_string(result.size()) + "]");
        result.push_back(read(inner));
        members.check(inner);
    }
    if (result.size() > most) members.wrong(key, "fewer");
}

json::object to_json(const EdgeListener& listener) {
    json::array certificates;
    json::array routes;
    for (const auto& one : listener.certificates) certificates.emplace_back(to_json(one));
    for (const auto& one : listener.routes) routes.emplace_back(to_json(one));
    return {{"name", listener.name},
            {"listen", listener.listen.text()},
            {"profile", name(listener.profile)},
            {"strict_names", listener.strict_names},
            {"certificates", std::move(certificates)},
            {"routes", std::move(routes)}};
}

EdgeListener read_listener(Members& members) {
    EdgeListener listener;
    listener.name = members.text("name");
    if (!is_service_name(listener.name)) members.wrong("name", "a name");
    const auto listen = base::SocketAddress::parse(members.text("listen"));
    if (!listen || listen->port == 0) members.wrong("listen", "ADDRESS:PORT");
    listener.listen = listen.value_or(base::SocketAddress{});
    read_choice(members, "profile", listener.profile, parse_tls_profile, "intermediate or modern");
    listener.strict_names = members.boolean("strict_names");
    read_items(members, "certificates", listener.certificates, max_edge_certificates, read_certificate);
    read_items(members, "routes", listener.routes, max_edge_routes, read_route);
    if (listener.routes.empty()) members.wrong("routes", "at least one");
    return listener;
}

}  // namespace

json::object to_json(const EdgeRoute& route) {
    return {{"names", json::array(route.names.begin(), route.names.end())},
            {"service", route.service},
            {"port", route.port},
            {"pass_through", route.pass_through},
            {"alpn", json::array(route.alpn.begin(), route.alpn.end())},
            {"proxy_protocol", name(route.proxy_protocol)}};
}

json::array to_json(const EdgeListeners& listeners) {
    json::array all;
    for (const auto& one : listeners) all.emplace_back(to_json(one));
    return all;
}

base::Result<EdgeListeners> edge_from_json(const json::value& value, const std::string& where) {
    const json::value whole(json::object{{"listeners", value}});
    Members members(whole, where);
    EdgeListeners listeners;
    read_items(members, "listeners", listeners, max_edge_listeners, read_listener);
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    return listeners;
}

}  // namespace meshd::model
