// SPDX-License-Identifier: Apache-2.0
#include "channel/messages.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <unordered_set>

#include <boost/json.hpp>

#include "channel/fields.hpp"
#include "channel/settings_message.hpp"
#include "channel/tls_check_message.hpp"
#include "model/health_json.hpp"
#include "model/pod_json.hpp"
#include "model/policy_json.hpp"
#include "model/service_json.hpp"

namespace meshd::channel {

namespace json = boost::json;

namespace {

base::Result<Message> decode_hello(const json::object& object) {
    Fields fields(object, "hello");
    Hello hello;
    hello.version = fields.text("version");
    const auto pid = fields.number("pid", 1);
    if (pid > std::numeric_limits<std::int32_t>::max()) fields.wrong("pid", "the id of a process");
    hello.pid = static_cast<std::int64_t>(pid);
    return fields.give(std::move(hello));
}

base::Result<void> read_services(const json::array& array, Delta& delta, std::unordered_set<std::string_view>& names) {
    delta.upsert.reserve(array.size());
    for (const auto& item : array) {
        auto service = model::service_from_json(item);
        if (!service) return tl::make_unexpected(service.error());
        delta.upsert.push_back(std::make_shared<const model::Service>(std::move(*service)));
        if (!names.insert(delta.upsert.back()->name).second)
            return invalid("delta.upsert", "each service once, '" + delta.upsert.back()->name + "' is there twice");
    }
    return {};
}

base::Result<Message> decode_delta(const json::object& object) {
    Fields fields(object, "delta");
    Delta delta;
    delta.sequence = fields.number("sequence", 1);
    delta.full = fields.boolean_or("full", false);
    delta.last = fields.boolean("last");
    delta.complete = fields.boolean("complete");
    const auto& upsert = fields.array("upsert");
    const auto& remove = fields.array("remove");
    if (fields.error_) return base::fail(std::move(*fields.error_));

    std::unordered_set<std::string_view> names;  // of strings that delta.upsert and `remove` own
    if (auto read = read_services(upsert, delta, names); !read) return tl::make_unexpected(read.error());
    delta.remove.reserve(remove.size());
    for (const auto& item : remove) {
        const auto at = "delta.remove[" + std::to_string(delta.remove.size()) + "]";
        if (!item.is_string() || !model::is_service_name(std::string_view(item.get_string())))
            return invalid(at, "a service name");
        if (!names.insert(std::string_view(item.get_string())).second)
            return invalid(at, "a name that the message has only once");
        delta.remove.emplace_back(std::string_view(item.get_string()));
    }
    return Message(std::move(delta));
}

base::Result<Message> decode_policies(const json::object& object) {
    Fields fields(object, "policies");
    Policies policies;
    policies.last = fields.boolean("last");
    policies.complete = fields.boolean("complete");
    if (object.contains("unread"))
        for (const auto& source : fields.array("unread")) {
            if (!source.is_string()) return invalid("policies.unread", "names of sources");
            policies.unread.emplace_back(std::string_view(source.get_string()));
        }
    const auto& rules = fields.array("rules");
    policies.rules.reserve(rules.size());
    for (const auto& item : rules) {
        auto rule = model::rule_from_json(item);
        if (!rule) return tl::make_unexpected(rule.error());
        policies.rules.push_back(std::move(*rule));
    }
    return fields.give(std::move(policies));
}

base::Result<Message> decode_registry(const json::object& object) {
    Fields fields(object, "registry");
    RegistryStatus status;
    status.directory_error = fields.text_or_empty("directory_error");
    status.metrics_address = fields.text_or_empty("metrics_address");
    status.metrics_error = fields.text_or_empty("metrics_error");
    status.picture_address = fields.text_or_empty("picture_address");
    status.picture_error = fields.text_or_empty("picture_error");
    status.last = fields.boolean_or("last", true);
    const auto& sources = fields.array("sources");
    status.sources.reserve(sources.size());
    for (const auto& item : sources) {
        const auto at = "registry.sources[" + std::to_string(status.sources.size()) + "]";
        if (!item.is_object()) return invalid(at, "an object");
        Fields source_fields(item.get_object(), at);
        RegistrySource source;
        source.name = source_fields.text("name");
        const auto state = source_fields.text("state");
        if (state != "ok" && state != "refused") source_fields.wrong("state", "ok or refused");
        source.ok = state == "ok";
        source.services = source_fields.number("services");
        source.error = source_fields.text_or_empty("error");
        source.since = source_fields.text("since");
        if (source_fields.error_) return base::fail(std::move(*source_fields.error_));
        status.sources.push_back(std::move(source));
    }
    return fields.give(std::move(status));
}

base::Result<Message> decode_health(const json::object& object) {
    Fields fields(object, "health");
    HealthReport report;
    const auto& backends = fields.array("backends");
    report.backends.reserve(backends.size());
    for (const auto& item : backends) {
        auto backend = model::backend_health_from_json(item, "health.backends[" + std::to_string(report.backends.size()) + "]");
        if (!backend) return tl::make_unexpected(backend.error());
        report.backends.push_back(std::move(*backend));
    }
    return fields.give(std::move(report));
}

base::Result<Message> decode_metrics_request(const json::object& object) {
    Fields fields(object, "metrics_request");
    MetricsRequest request;
    request.id = fields.number("id");
    return fields.give(request);
}

base::Result<Message> decode_view_request(const json::object& object) {
    Fields fields(object, "view_request");
    ViewRequest request;
    request.id = fields.number("id");
    request.path = fields.text("path");
    const auto* const query = object.if_contains("query");
    if (query == nullptr || !query->is_object()) {
        fields.wrong("query", "an object");
        return fields.give(std::move(request));
    }
    for (const auto& [key, value] : query->get_object()) {
        if (value.is_string())
            request.query.emplace(key, std::string_view(value.get_string()));
        else
            fields.wrong("query", "texts");
    }
    return fields.give(std::move(request));
}

base::Result<Message> decode_view(const json::object& object) {
    Fields fields(object, "view");
    ViewPart part;
    part.id = fields.number("id");
    part.status = fields.number("status", 200);
    if (part.status > 599) fields.wrong("status", "a status of HTTP");
    part.text = fields.text("text");
    part.last = fields.boolean("last");
    return fields.give(std::move(part));
}

base::Result<Message> decode_export_status(const json::object& object) {
    Fields fields(object, "export_status");
    ExportStatus status;
    const auto& problems = fields.array("problems");
    if (problems.size() > export_features.size()) return invalid("export_status.problems", "one for each exporter");
    for (const auto& item : problems) {
        const auto at = "export_status.problems[" + std::to_string(status.problems.size()) + "]";
        if (!item.is_object()) return invalid(at, "an object");
        Fields problem_fields(item.get_object(), at);
        ExportProblem problem{problem_fields.text("feature"), problem_fields.text("reason"), problem_fields.text("remedy")};
        if (std::find(export_features.begin(), export_features.end(), problem.feature) == export_features.end())
            problem_fields.wrong("feature", "an exporter");
        if (problem_fields.error_) return base::fail(std::move(*problem_fields.error_));
        status.problems.push_back(std::move(problem));
    }
    return fields.give(std::move(status));
}

base::Result<Message> decode_flows(json::object& object) {
    Fields fields(object, "flows");
    FlowEvents flows;
    flows.lost = fields.number("lost");
    const auto& left_out = fields.array("left_out");
    if (left_out.size() != flows.left_out.size()) fields.wrong("left_out", "a number for each change");
    for (std::size_t i = 0; i < std::min(left_out.size(), flows.left_out.size()); ++i) {
        boost::system::error_code error;
        flows.left_out.at(i) = left_out[i].is_number() ? left_out[i].to_number<std::uint64_t>(error) : 0;
        if (!left_out[i].is_number() || error) fields.wrong("left_out", "numbers");
    }
    for (const auto& event : fields.array("events"))
        if (!event.is_object()) fields.wrong("events", "objects");
    if (!fields.error_) flows.events = std::move(object.at("events").as_array());
    return fields.give(std::move(flows));
}

base::Result<Message> decode_ejected(const json::object& object) {
    Fields fields(object, "ejected");
    Ejected ejected;
    const auto& backends = fields.array("backends");
    if (backends.size() > most_ejected) return invalid("ejected.backends", "at most " + std::to_string(most_ejected));
    for (const auto& item : backends) {
        const auto at = "ejected.backends[" + std::to_string(ejected.backends.size()) + "]";
        if (!item.is_object()) return invalid(at, "an object");
        Fields of(item.get_object(), at);
        auto& one = ejected.backends.emplace_back();
        one.service = of.text("service");
        one.port = static_cast<std::uint16_t>(of.number("port", 1));
        if (of.number("port", 1) > std::numeric_limits<std::uint16_t>::max()) of.wrong("port", "a number from 1 to 65535");
        const auto protocol = base::parse_protocol(of.text("protocol"));
        if (!protocol) of.wrong("protocol", "tcp or udp");
        one.protocol = protocol.value_or(base::Protocol::tcp);
        const auto backend = base::SocketAddress::parse(of.text("backend"));
        if (!backend) of.wrong("backend", "ADDRESS:PORT");
        one.backend = backend.value_or(base::SocketAddress{});
        if (of.error_) return base::fail(std::move(*of.error_));
    }
    return fields.give(std::move(ejected));
}

base::Result<Message> decode_registries(json::object& object) {
    Fields fields(object, "registries");
    RegistriesReport report;
    for (const auto& item : fields.array("registries")) {
        const auto* const name = item.is_object() ? item.get_object().if_contains("name") : nullptr;
        if (name == nullptr || !name->is_string()) fields.wrong("registries", "objects with a name");
    }
    if (!fields.error_) report.registries = std::move(object.at("registries").as_array());
    return fields.give(std::move(report));
}

bool has_text(const json::value& item, std::string_view key) {
    const auto* const value = item.is_object() ? item.get_object().if_contains(key) : nullptr;
    return value != nullptr && value->is_string();
}

base::Result<Message> decode_announcements(json::object& object) {
    Fields fields(object, "announcements");
    AnnouncementsReport report;
    for (const auto& item : fields.array("announcements"))
        if (!has_text(item, "id") || !has_text(item, "name")) fields.wrong("announcements", "objects with an id and a name");
    if (!fields.error_) report.announcements = std::move(object.at("announcements").as_array());
    return fields.give(std::move(report));
}

base::Result<Message> decode_certificates(json::object& object) {
    Fields fields(object, "certificates");
    CertificatesReport report;
    for (const auto& item : fields.array("certificates"))
        if (!has_text(item, "whose") || !has_text(item, "name") || !has_text(item, "state"))
            fields.wrong("certificates", "objects that say whose, their name and state");
    if (!fields.error_) report.certificates = std::move(object.at("certificates").as_array());
    return fields.give(std::move(report));
}

base::Result<Message> decode_edge(json::object& object) {
    Fields fields(object, "edge");
    EdgeReport report;
    for (const auto& item : fields.array("listeners"))
        if (!has_text(item, "name")) fields.wrong("listeners", "objects with a name");
    if (!fields.error_) report.listeners = std::move(object.at("listeners").as_array());
    return fields.give(std::move(report));
}

base::Result<Message> decode_pods(const json::object& object) {
    Fields fields(object, "pods");
    Pods message;
    message.last = fields.boolean("last");
    for (const auto& item : fields.array("pods")) {
        auto pod = model::pod_from_json(item, "pods.pods[" + std::to_string(message.pods.size()) + "]");
        if (!pod) return tl::make_unexpected(pod.error());
        message.pods.push_back(std::move(*pod));
    }
    return fields.give(std::move(message));
}

base::Result<Message> decode_sync(const json::object& object) {
    Fields fields(object, "sync");
    return fields.give(SyncRegistry{fields.text("name")});
}

// Retire or Shutdown.
template <typename End>
base::Result<Message> decode_end(const json::object& object, const char* type) {
    Fields fields(object, type);
    const auto seconds = fields.number("longest_s");
    if (seconds > static_cast<std::uint64_t>(max_retirement.count()))
        fields.wrong("longest_s", "at most " + std::to_string(max_retirement.count()));
    return fields.give(End{std::chrono::seconds(seconds)});
}

base::Result<Message> decode_metrics(json::object& object) {
    Fields fields(object, "metrics");
    MetricsPart metrics;
    metrics.id = fields.number("id");
    metrics.last = fields.boolean("last");
    auto* const part = object.if_contains("part");
    if (part == nullptr || !part->is_object()) {
        fields.wrong("part", "an object");
    } else {
        metrics.part = std::move(part->get_object());
    }
    return fields.give(std::move(metrics));
}

struct TypeName {
    std::string_view operator()(const Hello&) const { return "hello"; }
    std::string_view operator()(const Delta&) const { return "delta"; }
    std::string_view operator()(const Policies&) const { return "policies"; }
    std::string_view operator()(const RegistryStatus&) const { return "registry"; }
    std::string_view operator()(const RegistriesReport&) const { return "registries"; }
    std::string_view operator()(const AnnouncementsReport&) const { return "announcements"; }
    std::string_view operator()(const CertificatesReport&) const { return "certificates"; }
    std::string_view operator()(const Pods&) const { return "pods"; }
    std::string_view operator()(const EdgeReport&) const { return "edge"; }
    std::string_view operator()(const SyncRegistry&) const { return "sync"; }
    std::string_view operator()(const HealthReport&) const { return "health"; }
    std::string_view operator()(const MetricsRequest&) const { return "metrics_request"; }
    std::string_view operator()(const ViewRequest&) const { return "view_request"; }
    std::string_view operator()(const ViewPart&) const { return "view"; }
    std::string_view operator()(const ExportStatus&) const { return "export_status"; }
    std::string_view operator()(const SettingsMessage&) const { return "settings"; }
    std::string_view operator()(const MetricsPart&) const { return "metrics"; }
    std::string_view operator()(const FlowEvents&) const { return "flows"; }
    std::string_view operator()(const Ejected&) const { return "ejected"; }
    std::string_view operator()(const Reopen&) const { return "reopen"; }
    std::string_view operator()(const Retire&) const { return "retire"; }
    std::string_view operator()(const Shutdown&) const { return "shutdown"; }
    std::string_view operator()(const TlsCheck&) const { return "tls_check"; }
    std::string_view operator()(const TlsFinding&) const { return "tls_finding"; }
};

}  // namespace

std::string_view type_name(const Message& message) { return std::visit(TypeName{}, message); }

base::Result<Message> decode(json::object message) {
    const auto* const value = message.if_contains("type");
    if (value == nullptr || !value->is_string()) return invalid("type", "text");
    const std::string_view type = value->get_string();
    if (type == "hello") return decode_hello(message);
    if (type == "delta") return decode_delta(message);
    if (type == "policies") return decode_policies(message);
    if (type == "registry") return decode_registry(message);
    if (type == "registries") return decode_registries(message);
    if (type == "announcements") return decode_announcements(message);
    if (type == "certificates") return decode_certificates(message);
    if (type == "edge") return decode_edge(message);
    if (type == "sync") return decode_sync(message);
    if (type == "pods") return decode_pods(message);
    if (type == "health") return decode_health(message);
    if (type == "metrics_request") return decode_metrics_request(message);
    if (type == "view_request") return decode_view_request(message);
    if (type == "view") return decode_view(message);
    if (type == "export_status") return decode_export_status(message);
    if (type == "settings") return decode_settings(message);
    if (type == "metrics") return decode_metrics(message);
    if (type == "flows") return decode_flows(message);
    if (type == "ejected") return decode_ejected(message);
    if (type == "tls_check") return decode_tls_check(message);
    if (type == "tls_finding") return decode_tls_finding(message);
    if (type == "reopen") return Message(Reopen{});
    if (type == "retire") return decode_end<Retire>(message, "retire");
    if (type == "shutdown") return decode_end<Shutdown>(message, "shutdown");
    return invalid("type", "a message of the channel, not '" + std::string(type.substr(0, 40)) + "'");
}

json::object encode(const Hello& message) { return {{"type", "hello"}, {"version", message.version}, {"pid", message.pid}}; }

json::object encode(const MetricsRequest& message) { return {{"type", "metrics_request"}, {"id", message.id}}; }

json::object encode(const ViewRequest& message) {
    json::object query;
    for (const auto& [key, value] : message.query) query.emplace(key, value);
    return {{"type", "view_request"}, {"id", message.id}, {"path", message.path}, {"query", std::move(query)}};
}

json::object encode(const ExportStatus& message) {
    // Longer texts would be none that people read, and one frame takes these.
    const auto cut = [](const std::string& text) { return std::string_view(text).substr(0, 4096); };
    json::array problems;
    for (const auto& problem : message.problems)
        problems.emplace_back(
            json::object{{"feature", problem.feature}, {"reason", cut(problem.reason)}, {"remedy", cut(problem.remedy)}});
    return {{"type", "export_status"}, {"problems", std::move(problems)}};
}

json::object encode(const Ejected& message) {
    json::array backends;
    for (const auto& one : message.backends)
        backends.emplace_back(json::object{{"service", one.service},
                                           {"port", one.port},
                                           {"protocol", base::name(one.protocol)},
                                           {"backend", one.backend.text()}});
    return {{"type", "ejected"}, {"backends", std::move(backends)}};
}

json::object encode(const RegistriesReport& message) { return {{"type", "registries"}, {"registries", message.registries}}; }

json::object encode(const AnnouncementsReport& message) {
    return {{"type", "announcements"}, {"announcements", message.announcements}};
}

json::object encode(const CertificatesReport& message) {
    return {{"type", "certificates"}, {"certificates", message.certificates}};
}

json::object encode(const EdgeReport& message) { return {{"type", "edge"}, {"listeners", message.listeners}}; }

json::object encode(const SyncRegistry& message) { return {{"type", "sync"}, {"name", message.name}}; }

json::object encode(const Reopen&) { return {{"type", "reopen"}}; }
json::object encode(const Retire& message) { return {{"type", "retire"}, {"longest_s", message.longest.count()}}; }

json::object encode(const Shutdown& message) { return {{"type", "shutdown"}, {"longest_s", message.longest.count()}}; }

}  // namespace meshd::channel
