// SPDX-License-Identifier: Apache-2.0
#include "config/signing_reader.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "config/duration.hpp"
#include "config/host_names.hpp"
#include "config/system_names.hpp"
#include "model/authorization.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 4> signing_keys{"authority", "listen", "ttl", "allow"};
constexpr std::array<std::string_view, 2> rule_keys{"node", "may_have"};
constexpr std::array<std::string_view, 3> issuer_keys{"address", "token_file", "refresh"};
constexpr DurationRange lifetimes{model::shortest_lifetime, 8760h, "a time from 5s to 8760h (units: ms, s, m, h)"};
constexpr DurationRange refreshes{1s, 1h, "a time from 1s to 1h (units: ms, s, m, h)"};
constexpr std::size_t most_rules = 256;

bool is_pattern_of(const std::string& text, const std::string& trust_domain) {
    return model::is_identity_pattern(text) && text.starts_with("spiffe://" + trust_domain + "/");
}

std::string expected_pattern(const model::NodeTls& node) {
    return fmt::format(
        "an identity of this trust domain, with * for one part or ** for all that follow, such as spiffe://{}/shop/*",
        node.trust_domain);
}

void read_may_have(Document& document, const MappingReader& rule, const model::NodeTls& node, model::SigningRule& result) {
    if (!rule.require("may_have")) return;
    const auto list = rule.find("may_have");
    if (!expect_list(document, list, "\"may_have\"", "identities")) return;
    for (const auto item : list) {
        const auto text = read_text(document, item, "\"may_have\"");
        if (!text) return;
        if (!is_pattern_of(std::string(*text), node.trust_domain))
            refuse_value(document, item, "\"may_have\"", expected_pattern(node));
        result.may_have.emplace_back(*text);
    }
}

void read_allow(Document& document, const MappingReader& signing, const model::NodeTls& node, model::Signing& result) {
    const auto list = signing.find("allow");
    if (!document.ok() || !list.exists() || !expect_list(document, list, "\"allow\"", "rules")) return;
    if (list.size() > most_rules)
        document.refuse(list.mark(), fmt::format("\"allow\" must have at most {} rules, found {}", most_rules, list.size()));
    for (const auto item : list) {
        const MappingReader rule(document, item, "a rule of \"allow\"", rule_keys);
        if (!document.ok()) return;
        auto& one = result.allow.emplace_back();
        if (rule.require("node") && rule.text("node", one.node) && !is_pattern_of(one.node, node.trust_domain))
            refuse_value(document, rule.find("node"), "\"node\"", expected_pattern(node));
        read_may_have(document, rule, node, one);
    }
}

bool has_port(std::string_view authority) {
    const auto end = authority.rfind(']');
    return authority.find(':', end == std::string_view::npos ? 0 : end) != std::string_view::npos;
}

}  // namespace

void read_signing(Document& document, const MappingReader& tls, model::NodeTls& node) {
    read_section(document, tls, "signing", signing_keys, [&](const MappingReader& section) {
        auto& signing = node.signing.emplace();
        if (section.require("authority", "name the directory that `meshctl ca init` made"))
            read_path(document, section, "authority", signing.authority);
        read_listen(document, section, "listen", signing.listen, "an address and a port such as \"[::]:15009\"");
        read_duration(document, section, "ttl", signing.lifetime, lifetimes);
        read_allow(document, section, node, signing);
    });
}

void read_issuer(Document& document, const MappingReader& tls, model::NodeTls& node) {
    read_section(document, tls, "issuer", issuer_keys, [&](const MappingReader& section) {
        auto& issuer = node.issuer.emplace();
        constexpr std::string_view expected = "the host of the signing agent, or HOST:PORT, such as ca.example.org:15009";
        if (section.require("address") && section.text("address", issuer.address)) {
            if (!is_authority(issuer.address)) refuse_value(document, section.find("address"), "\"address\"", expected);
            if (!has_port(issuer.address)) issuer.address += fmt::format(":{}", model::signing_port);
        }
        read_path(document, section, "token_file", issuer.token_file);
        read_duration(document, section, "refresh", issuer.refresh, refreshes);
    });
    if (node.issuer && tls.has("revoked"))
        document.refuse(tls.find("revoked").mark(), "\"revoked\" has no meaning beside \"issuer\"",
                        "remove it: revocation lists come from the signing agent");
}

void check_issued_name(Document& document, const MappingReader& identity, const model::NodeTls& node,
                       const model::WorkloadIdentity& one) {
    const auto id = model::issued_identity(node, one);
    if (!model::is_identity_pattern(id))
        refuse_value(document, identity.find("name"), "\"name\"",
                     "the path of an identity, without empty parts, . and .., where there are no files");
}

}  // namespace meshd::config
