// SPDX-License-Identifier: Apache-2.0
#include "model/policy_json.hpp"

#include <boost/json.hpp>

#include "model/authorization.hpp"
#include "model/service.hpp"

namespace meshd::model {

namespace json = boost::json;

namespace {

tl::unexpected<base::Error> invalid(std::string_view where, std::string_view expected) {
    return base::fail({"read rule from JSON at", std::string(where), 0, "expected " + std::string(expected), {}});
}

const json::object& object_or_empty(const json::object& object, std::string_view key) {
    static const json::object empty;
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_object() ? value->get_object() : empty;
}

// Nothing: absent. Empty: there, but no text, which no rule accepts.
std::optional<std::string_view> text(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr) return std::nullopt;
    return value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
}

base::Result<void> read_from(const json::object& object, Rule& rule) {
    const auto workload = text(object, "workload");
    const auto cidr = text(object, "cidr");
    const auto identity = text(object, "identity");
    if (int{workload.has_value()} + int{cidr.has_value()} + int{identity.has_value()} > 1)
        return invalid("from", "one of workload, cidr and identity");
    if (identity && !is_identity_pattern(*identity)) return invalid("from.identity", "a SPIFFE ID or a pattern of one");
    if (identity) rule.identity = *identity;
    if (workload && !is_workload(*workload)) return invalid("from.workload", "the path of a cgroup");
    if (workload) rule.workload = *workload;
    if (!cidr) return {};
    rule.from = base::Prefix::parse(*cidr);
    if (!rule.from) return invalid("from.cidr", "a range of addresses");
    return {};
}

base::Result<void> read_to(const json::object& object, Rule& rule) {
    const auto service = text(object, "service");
    const auto cidr = text(object, "cidr");
    const auto protocol = text(object, "protocol");
    if (service && cidr) return invalid("to", "a service or a cidr, not both");
    if (service && !is_service_name(*service)) return invalid("to.service", "a service name");
    if (service) rule.service = *service;
    if (cidr) rule.to = base::Prefix::parse(*cidr);
    if (cidr && !rule.to) return invalid("to.cidr", "a range of addresses");
    if (protocol) rule.protocol = base::parse_protocol(*protocol);
    if (protocol && !rule.protocol) return invalid("to.protocol", "tcp or udp");
    if (const auto* const port = object.if_contains("port"); port != nullptr) {
        boost::system::error_code error;
        const auto number = port->to_number<std::int64_t>(error);
        if (error || number < 1 || number > 65535) return invalid("to.port", "a number from 1 to 65535");
        rule.port = static_cast<std::uint16_t>(number);
    }
    return {};
}

}  // namespace

json::object to_json(const Rule& rule) {
    json::object from;
    if (!rule.workload.empty()) from.emplace("workload", rule.workload);
    if (rule.from) from.emplace("cidr", rule.from->text());
    if (!rule.identity.empty()) from.emplace("identity", rule.identity);
    json::object to;
    if (!rule.service.empty()) to.emplace("service", rule.service);
    if (rule.to) to.emplace("cidr", rule.to->text());
    if (rule.port != 0) to.emplace("port", rule.port);
    if (rule.protocol) to.emplace("protocol", base::name(*rule.protocol));
    return {{"name", rule.name},
            {"action", name(rule.action)},
            {"from", std::move(from)},
            {"to", std::move(to)},
            {"source", rule.source}};
}

base::Result<Rule> rule_from_json(const json::value& value) {
    if (!value.is_object()) return invalid("(top)", "an object");
    const auto& object = value.get_object();
    Rule rule;
    rule.name = text(object, "name").value_or("");
    if (!is_service_name(rule.name)) return invalid("name", "a name of the form that services have");
    const auto action = parse_action(text(object, "action").value_or(""));
    if (!action) return invalid(rule.name + ".action", "allow or deny");
    rule.action = *action;
    for (const std::string key : {"from", "to"})
        if (const auto* const part = object.if_contains(key); part != nullptr && !part->is_object())
            return invalid(rule.name + "." + key, "an object");
    if (auto read = read_from(object_or_empty(object, "from"), rule); !read) return tl::make_unexpected(read.error());
    if (auto read = read_to(object_or_empty(object, "to"), rule); !read) return tl::make_unexpected(read.error());
    rule.source = text(object, "source").value_or("");
    return rule;
}

}  // namespace meshd::model
