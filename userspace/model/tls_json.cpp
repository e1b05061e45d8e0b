// SPDX-License-Identifier: Apache-2.0
#include "model/tls_json.hpp"

#include <boost/json.hpp>

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
            {"issued", identity.files.is_issued}};
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
    if (int{!identity.workload.empty()} + int{!identity.unit.empty()} + int{!identity.user.empty()} != 1)
        members.wrong("workload", "one of workload, unit and user");
    identity.files = read_files(members);
    return identity;
}

}  // namespace

json::object to_json(const ServiceTls& tls) {
    return {{"mode", name(tls.mode)}, {"accept", name(tls.accept)}, {"same_node", name(tls.same_node)}};
}

base::Result<ServiceTls> service_tls_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    ServiceTls tls;
    read_choice(members, "mode", tls.mode, parse_tls_mode, "off or mutual");
    read_choice(members, "accept", tls.accept, parse_clear_text, "strict or permissive");
    read_choice(members, "same_node", tls.same_node, parse_same_node, "plain or encrypt");
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    return tls;
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
                        {"threads", tls.threads}};
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
    read_part(members, "signing", tls.signing, read_signing);
    read_part(members, "issuer", tls.issuer, read_issuer);
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    return tls;
}

}  // namespace meshd::model
