// SPDX-License-Identifier: Apache-2.0
#include "channel/messages.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <unordered_set>

#include <boost/json.hpp>

#include "model/policy_json.hpp"
#include "model/service_json.hpp"

namespace meshd::channel {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 5> log_levels = {"trace", "debug", "info", "warn", "error"};

tl::unexpected<base::Error> invalid(std::string_view where, std::string_view expected) {
    return base::fail({"read message field", std::string(where), 0, "expected " + std::string(expected), {}});
}

// Reads fields of one message and remembers the first that is wrong, so that the readers below stay lists of fields.
class Fields {
public:
    Fields(const json::object& object, std::string where) : object_(object), where_(std::move(where)) {}

    std::uint64_t number(std::string_view key, std::uint64_t least = 0) {
        const auto* const value = object_.if_contains(key);
        std::optional<std::uint64_t> number;
        if (value != nullptr && value->is_uint64()) number = value->get_uint64();
        if (value != nullptr && value->is_int64() && value->get_int64() >= 0)
            number = static_cast<std::uint64_t>(value->get_int64());
        if (number && *number >= least) return *number;
        wrong(key, "a whole number from " + std::to_string(least) + " up");
        return least;
    }

    std::string text(std::string_view key) {
        const auto* const value = object_.if_contains(key);
        if (value != nullptr && value->is_string()) return std::string(std::string_view(value->get_string()));
        wrong(key, "text");
        return {};
    }

    std::string text_or_empty(std::string_view key) { return object_.contains(key) ? text(key) : std::string{}; }

    bool boolean(std::string_view key) {
        const auto* const value = object_.if_contains(key);
        if (value != nullptr && value->is_bool()) return value->get_bool();
        wrong(key, "true or false");
        return false;
    }

    bool boolean_or(std::string_view key, bool otherwise) { return object_.contains(key) ? boolean(key) : otherwise; }

    const json::array& array(std::string_view key) {
        const auto* const value = object_.if_contains(key);
        if (value != nullptr && value->is_array()) return value->get_array();
        wrong(key, "an array");
        return none_;
    }

    void wrong(std::string_view key, std::string_view expected) {
        if (!error_) error_ = invalid(where_ + "." + std::string(key), expected).value();
    }

    template <typename T>
    base::Result<Message> give(T message) {
        if (error_) return base::fail(std::move(*error_));
        return Message(std::move(message));
    }

    std::optional<base::Error> error_;

private:
    const json::object& object_;
    std::string where_;
    json::array none_;
};

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

base::Result<Message> decode_metrics_request(const json::object& object) {
    Fields fields(object, "metrics_request");
    MetricsRequest request;
    request.id = fields.number("id");
    return fields.give(request);
}

base::Result<Message> decode_settings(const json::object& object) {
    Fields fields(object, "settings");
    SettingsMessage settings;
    settings.registry_directory = fields.text("registry_directory");
    if (!settings.registry_directory.starts_with('/')) fields.wrong("registry_directory", "an absolute path");
    settings.metrics_enabled = fields.boolean("metrics_enabled");
    const auto listen = base::SocketAddress::parse(fields.text("metrics_listen"));
    if (!listen) fields.wrong("metrics_listen", "ADDRESS:PORT");
    settings.metrics_listen = listen.value_or(base::SocketAddress{});
    settings.log_level = fields.text("log_level");
    if (std::find(log_levels.begin(), log_levels.end(), settings.log_level) == log_levels.end())
        fields.wrong("log_level", "trace, debug, info, warn or error");
    return fields.give(std::move(settings));
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
    std::string_view operator()(const MetricsRequest&) const { return "metrics_request"; }
    std::string_view operator()(const SettingsMessage&) const { return "settings"; }
    std::string_view operator()(const MetricsPart&) const { return "metrics"; }
    std::string_view operator()(const Shutdown&) const { return "shutdown"; }
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
    if (type == "metrics_request") return decode_metrics_request(message);
    if (type == "settings") return decode_settings(message);
    if (type == "metrics") return decode_metrics(message);
    if (type == "shutdown") return Message(Shutdown{});
    return invalid("type", "a message of the channel, not '" + std::string(type.substr(0, 40)) + "'");
}

json::object encode(const Hello& message) { return {{"type", "hello"}, {"version", message.version}, {"pid", message.pid}}; }

json::object encode(const MetricsRequest& message) { return {{"type", "metrics_request"}, {"id", message.id}}; }

json::object encode(const SettingsMessage& message) {
    return {{"type", "settings"},
            {"registry_directory", message.registry_directory},
            {"metrics_enabled", message.metrics_enabled},
            {"metrics_listen", message.metrics_listen.text()},
            {"log_level", message.log_level}};
}

json::object encode(const Shutdown&) { return {{"type", "shutdown"}}; }

}  // namespace meshd::channel
