// SPDX-License-Identifier: Apache-2.0
#include "model/tls_json.hpp"

#include <boost/json.hpp>

#include "model/edge.hpp"
#include "model/members.hpp"
#include "model/service.hpp"

namespace meshd::model {

namespace json = boost::json;

namespace {

CertificateFiles read_files(Members& members) {
    return {members.path("certificate"), members.path("key"), !members.value("issued").is_null() && members.boolean("issued")};
}

std::uint16_t read_port(Members& members, std::string_view key) { return members.number<std::uint16_t>(key, 1); }

template <typename Enum, typename Parse>
void read_choice(Members& members, std::string_view key, Enum& result, Parse parse, std::string_view expected) {
    if (members.value(key).is_null()) return;
    const auto read = parse(members.text(key));
    if (!read) members.wrong(key, expected);
    result = read.value_or(result);
}

json::object item_to_json(const WorkloadIdentity& identity) {
    return {{"name", identity.name},
            {"workload", identity.workload},
            {"unit", identity.unit},
            {"user", identity.user},
            {"key", identity.files.key},
            {"certificate", identity.files.certificate},
            {"issued", identity.files.is_issued},
            {"of_pods", identity.pod.has_value()}};
}

json::object to_json(const Signing& signing) {
    json::array rules;
    for (const auto& rule : signing.allow)
        rules.emplace_back(
            json::object{{"node", rule.node}, {"may_have", json::array(rule.may_have.begin(), rule.may_have.end())}});
    return {{"authority", signing.authority},
            {"listen", signing.listen.text()},
            {"lifetime_ms", signing.lifetime.count()},
            {"allow", std::move(rules)}};
}

Signing read_signing(Members& members) {
    Signing signing;
    signing.authority = members.path("authority");
    const auto listen = base::SocketAddress::parse(members.text("listen"));
    if (!listen) members.wrong("listen", "ADDRESS:PORT");
    signing.listen = listen.value_or(base::SocketAddress{});
    signing.lifetime = std::chrono::milliseconds(members.number<std::int64_t>("lifetime_ms", 1));
    for (const auto& item : members.array("allow")) {
        Members rule(item, members.where() + ".allow[" + std::to_string(signing.allow.size()) + "]");
        signing.allow.push_back({rule.text("node"), rule.texts("may_have")});
        members.check(rule);
    }
    return signing;
}

json::object to_json(const Issuer& issuer) {
    return {{"address", issuer.address},
            {"token_file", issuer.token_file},
            {"refresh_ms", issuer.refresh.count()},
            {"directory", issuer.directory}};
}

Issuer read_issuer(Members& members) {
    Issuer issuer;
    issuer.address = members.text("address");
    issuer.token_file = members.path("token_file", true);
    issuer.refresh = std::chrono::milliseconds(members.number<std::int64_t>("refresh_ms", 1));
    issuer.directory = members.path("directory");
    return issuer;
}

// What may not be there.
template <typename Value, typename Read>
void read_part(Members& members, std::string_view key, std::optional<Value>& result, Read read) {
    if (members.value(key).is_null()) return;
    Members inner(members.value(key), members.where() + "." + std::string(key));
    result = read(inner);
    members.check(inner);
}

WorkloadIdentity read_identity(Members& members) {
    WorkloadIdentity identity;
    identity.name = members.text("name");
    if (!is_service_name(identity.name)) members.wrong("name", "a name");
    identity.workload = members.text("workload");
    identity.unit = members.text("unit");
    identity.user = members.text("user");
    if (!members.value("of_pods").is_null() && members.boolean("of_pods")) identity.pod.emplace();
    if (int{!identity.workload.empty()} + int{!identity.unit.empty()} + int{!identity.user.empty()} +
            int{identity.pod.has_value()} !=
        1)
        members.wrong("workload", "one of workload, unit, user and pods");
    identity.files = read_files(members);
    return identity;
}

Origination read_origination(Members& members) {
    Origination origination;
    origination.server_name = members.text("server_name");
    if (!origination.server_name.empty() && !is_server_name(origination.server_name)) members.wrong("server_name", "a DNS name");
    origination.credentials = members.text("credentials");
    if (!origination.credentials.empty() && !is_service_name(origination.credentials)) members.wrong("credentials", "a name");
    origination.alpn = members.texts("alpn");
    if (!are_protocols(origination.alpn)) members.wrong("alpn", "names of protocols");
    read_choice(members, "min_version", origination.min_version, parse_tls_version, "1.2 or 1.3");
    return origination;
}

OutsideCredentials read_outside(Members& members) {
    OutsideCredentials one;
    one.name = members.text("name");
    if (!is_service_name(one.name)) members.wrong("name", "a name");
    one.authorities = members.path("authorities", true);
    one.files = {members.path("certificate", true), members.path("key", true)};
    if (one.files.certificate.empty() != one.files.key.empty()) members.wrong("key", "both files, or none");
    return one;
}

}  // namespace

json::object to_json(const ServiceTls& tls) {
    json::object object{{"mode", name(tls.mode)}, {"accept", name(tls.accept)}, {"same_node", name(tls.same_node)}};
    if (tls.mode != TlsMode::originate) return object;
    const auto& origination = tls.origination;
    object["server_name"] = origination.server_name;
    object["credentials"] = origination.credentials;
    object["alpn"] = json::array(origination.alpn.begin(), origination.alpn.end());
    object["min_version"] = name(origination.min_version);
    return object;
}

base::Result<ServiceTls> service_tls_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    ServiceTls tls;
    read_choice(members, "mode", tls.mode, parse_tls_mode, "off, mutual or originate");
    read_choice(members, "accept", tls.accept, parse_clear_text, "strict or permissive");
    read_choice(members, "same_node", tls.same_node, parse_same_node, "plain or encrypt");
    if (tls.mode == TlsMode::originate) tls.origination = read_origination(members);
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    return tls;
}

json::object to_json(const NodeOrigination& origination) {
    json::array credentials;
    for (const auto& one : origination.credentials)
        credentials.emplace_back(json::object{{"name", one.name},
                                              {"authorities", one.authorities},
                                              {"certificate", one.files.certificate},
                                              {"key", one.files.key}});
    return {{"credentials", std::move(credentials)}, {"outbound_port", origination.outbound_port}};
}

base::Result<NodeOrigination> node_origination_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    NodeOrigination origination;
    for (const auto& item : members.array("credentials")) {
        Members inner(item, members.where() + ".credentials[" + std::to_string(origination.credentials.size()) + "]");
        origination.credentials.push_back(read_outside(inner));
        members.check(inner);
    }
    if (origination.credentials.size() > max_outside_credentials) members.wrong("credentials", "at most 256");
    origination.outbound_port = read_port(members, "outbound_port");
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    return origination;
}

json::object to_json(const NodeTls& tls) {
    json::array identities;
    for (const auto& one : tls.identities) identities.emplace_back(item_to_json(one));
    json::object object{{"trust_domain", tls.trust_domain},
                        {"authorities", tls.authorities},
                        {"revoked", tls.revoked},
                        {"certificate", tls.node.certificate},
                        {"key", tls.node.key},
                        {"issued", tls.node.is_issued},
                        {"identities", std::move(identities)},
                        {"inbound_port", tls.inbound_port},
                        {"outbound_port", tls.outbound_port},
                        {"threads", tls.threads},
                        {"kernel", name(tls.kernel)}};
    if (tls.signing) object["signing"] = to_json(*tls.signing);
    if (tls.issuer) object["issuer"] = to_json(*tls.issuer);
    return object;
}

base::Result<NodeTls> node_tls_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    NodeTls tls;
    tls.trust_domain = members.text("trust_domain");
    if (!is_trust_domain(tls.trust_domain)) members.wrong("trust_domain", "a trust domain");
    tls.authorities = members.path("authorities");
    tls.revoked = members.path("revoked", true);
    tls.node = read_files(members);
    for (const auto& item : members.array("identities")) {
        Members inner(item, members.where() + ".identities[" + std::to_string(tls.identities.size()) + "]");
        tls.identities.push_back(read_identity(inner));
        members.check(inner);
    }
    if (tls.identities.size() > max_identities) members.wrong("identities", "at most 1024 identities");
    tls.inbound_port = read_port(members, "inbound_port");
    tls.outbound_port = read_port(members, "outbound_port");
    tls.threads = members.number<std::uint32_t>("threads", 0);
    read_choice(members, "kernel", tls.kernel, parse_kernel_tls, "off, auto or on");
    read_part(members, "signing", tls.signing, read_signing);
    read_part(members, "issuer", tls.issuer, read_issuer);
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    return tls;
}

}  // namespace meshd::model
