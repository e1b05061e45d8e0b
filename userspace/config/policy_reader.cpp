// SPDX-License-Identifier: Apache-2.0
#include "config/policy_reader.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "config/backend_reader.hpp"
#include "config/characters.hpp"
#include "config/prefix_reader.hpp"
#include "model/authorization.hpp"

namespace meshd::config {

namespace {

constexpr std::array<std::string_view, 4> rule_keys{"name", "action", "from", "to"};
constexpr std::array<std::string_view, 3> from_keys{"workload", "cidr", "identity"};
constexpr std::array<std::string_view, 4> to_keys{"service", "cidr", "port", "protocol"};
constexpr std::array<std::string_view, 3> limit_keys{"connections", "rate", "burst"};
constexpr std::array<std::string_view, 2> protocols{"tcp", "udp"};

void read_name(Document& document, const MappingReader& object, std::string_view key, std::string& result) {
    if (!object.text(key, result) || model::is_service_name(result)) return;
    refuse_value(document, object.find(key), '"' + std::string(key) + '"',
                 fmt::format("at most {} letters, digits, \".\", \"-\", \"_\" and \"/\", with a letter or a digit at both ends",
                             model::max_name_length));
}

void read_cidr(Document& document, const MappingReader& object, std::optional<base::Prefix>& result) {
    if (const auto value = object.find("cidr"); value.exists()) result = read_prefix(document, value, "\"cidr\"");
}

void refuse_both(Document& document, const MappingReader& object, std::string_view a, std::string_view b) {
    if (object.has(a) && object.has(b))
        document.refuse(object.find(b).mark(), fmt::format("\"{}\" and \"{}\" exclude each other", a, b), "write two rules");
}

// A section that is there but empty would match everybody, which nobody means who writes it.
bool is_empty(Document& document, Value value, std::string_view label) {
    if (value.kind() != Kind::nothing && !(value.kind() == Kind::mapping && value.size() == 0)) return false;
    refuse_value(document, value, label, "a mapping", "remove the key to match everything, or put something into it");
    return true;
}

void read_from(Document& document, Value value, model::Rule& rule) {
    if (is_empty(document, value, "\"from\"")) return;
    MappingReader from(document, value, "\"from\"", from_keys);
    refuse_both(document, from, "workload", "cidr");
    refuse_both(document, from, "workload", "identity");
    refuse_both(document, from, "cidr", "identity");
    if (from.text("workload", rule.workload) && !model::is_workload(rule.workload))
        refuse_value(document, from.find("workload"), "\"workload\"",
                     "the path of a cgroup below the mount of cgroup v2, such as /shop.slice");
    read_cidr(document, from, rule.from);
    if (from.text("identity", rule.identity) && !model::is_identity_pattern(rule.identity))
        refuse_value(document, from.find("identity"), "\"identity\"",
                     "a SPIFFE ID such as spiffe://example.org/shop/web, with * for one part of its path or ** for the rest");
}

void read_to(Document& document, Value value, model::Rule& rule) {
    if (is_empty(document, value, "\"to\"")) return;
    MappingReader to(document, value, "\"to\"", to_keys);
    refuse_both(document, to, "service", "cidr");
    read_name(document, to, "service", rule.service);
    read_cidr(document, to, rule.to);
    to.number("port", rule.port, port_range);
    base::Protocol protocol{};
    if (to.choice("protocol", protocol, protocols, base::parse_protocol)) rule.protocol = protocol;
    if (!document.ok() || rule.identity.empty()) return;
    // Identities are those of encrypted connections: to services, by TCP.
    if (rule.to)
        document.refuse(to.find("cidr").mark(), "\"cidr\" means nothing with \"identity\", which connections to services have",
                        "write \"service\"");
    if (rule.protocol == base::Protocol::udp)
        document.refuse(to.find("protocol").mark(), "\"udp\" means nothing with \"identity\", which TCP connections have",
                        "remove it");
}

}  // namespace

void read_policy(const MappingReader& section, Policy& result) {
    section.choice("default", result.otherwise, model::actions, model::parse_action);
    section.choice("mode", result.mode, policy_modes, parse_policy_mode);
}

std::vector<model::Rule> read_rules(Document& document, Value list) {
    std::vector<model::Rule> rules;
    if (!expect_list(document, list, "\"policies\"", "rules")) return rules;
    if (list.size() > model::max_rules)
        document.refuse(list.mark(),
                        fmt::format("\"policies\" must have at most {} rules, found {}", model::max_rules, list.size()));
    std::map<std::string, Mark, std::less<>> names;
    for (const auto item : list) {
        if (!document.ok()) return rules;
        MappingReader object(document, item, "a rule", rule_keys);
        model::Rule rule;
        if (object.require("name")) read_name(document, object, "name", rule.name);
        if (object.require("action")) object.choice("action", rule.action, model::actions, model::parse_action);
        if (const auto from = object.find("from"); from.exists()) read_from(document, from, rule);
        if (const auto to = object.find("to"); to.exists()) read_to(document, to, rule);
        if (!document.ok()) return rules;
        const auto [known, is_new] = names.try_emplace(rule.name, object.find("name").mark());
        if (!is_new)
            document.refuse(object.find("name").mark(),
                            fmt::format("rule {} is given twice, first in line {}", quote(rule.name), known->second.line));
        rules.push_back(std::move(rule));
    }
    return rules;
}

void read_limits(Document& document, const MappingReader& service, model::LimitSettings& result) {
    const auto value = service.find("limits");
    if (!value.exists() || is_empty(document, value, "\"limits\"")) return;
    MappingReader limits(document, value, "\"limits\"", limit_keys);
    limits.given("connections", result.connections, [&](auto key, auto& most) {
        return limits.number(key, most, {1, model::max_limit});
    });
    model::LimitSettings::Rate rate;
    const bool has_rate = limits.number("rate", rate.rate, {1, model::max_limit});
    rate.burst = rate.rate;
    if (limits.has("burst") && !limits.has("rate"))
        document.refuse(limits.find("burst").mark(), "\"burst\" belongs to \"rate\"", "give \"rate\" as well");
    limits.number("burst", rate.burst, {1, model::max_limit});
    if (has_rate) result.rate = rate;
}

std::string_view name(PolicyMode mode) { return policy_modes.at(static_cast<std::size_t>(mode)); }

std::optional<PolicyMode> parse_policy_mode(std::string_view text) {
    const auto* const found = std::find(policy_modes.begin(), policy_modes.end(), text);
    if (found == policy_modes.end()) return std::nullopt;
    return static_cast<PolicyMode>(found - policy_modes.begin());
}

}  // namespace meshd::config
