// SPDX-License-Identifier: Apache-2.0
#include "control/query.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <boost/json.hpp>

#include "config/settings_file.hpp"
#include "control/query_parts.hpp"
#include "model/policy.hpp"
#include "model/service_json.hpp"

namespace meshd::control {

namespace json = boost::json;

namespace {

constexpr std::int64_t longest_duration_s = 86400;  // of a pause, and of another log level
constexpr std::uint64_t longest_age_s = 10ULL * 365 * 86400;
constexpr std::uint64_t most_flows = 10000;  // in one answer

// What holds for all services together; each of them has been checked on its own.
class Together {
public:
    base::Result<void> add(const model::Service& service) {
        if (!names_.insert(service.name).second)
            return refused("service " + in_quotes(service.name), "it is there twice", "give each service a name of its own");
        for (const auto& address : service.addresses) {
            for (const auto& port : service.ports) {
                const auto [other, is_new] = frontends_.try_emplace({address, port.number, port.protocol}, service.name);
                if (is_new) continue;
                const auto frontend =
                    base::SocketAddress{address, port.number}.text() + "/" + std::string(base::name(port.protocol));
                return refused("service " + in_quotes(service.name),
                               "service " + in_quotes(other->second) + " has the address " + frontend + " too",
                               "give each service an address, port and protocol of its own");
            }
        }
        return {};
    }

private:
    std::set<std::string> names_;
    std::map<std::tuple<base::IpAddress, std::uint16_t, base::Protocol>, std::string> frontends_;
};

}  // namespace

base::Result<void> no_query(const http::Request& request) { return only_keys(request, {}, "leave it out"); }

base::Result<PolicyQuery> policy_query(const http::Request& request) {
    constexpr std::string_view usage =
        "GET /v1/policy/check?from=ADDRESS|/CGROUP|spiffe://ID&to=SERVICE|ADDRESS|ADDRESS:PORT&port=PORT&protocol=tcp|udp";
    if (const auto checked = only_keys(request, {"from", "to", "port", "protocol"}, usage); !checked)
        return tl::make_unexpected(checked.error());
    PolicyQuery query;
    if (const auto* const from = parameter(request, "from"); from != nullptr && *from != "any") {
        query.from_address = base::IpAddress::parse(*from);
        if (from->starts_with("spiffe://"))
            query.from_identity = *from;
        else if (!query.from_address && !model::is_workload(*from))
            return refused("from " + in_quotes(*from), "it is neither an address nor the path of a cgroup nor a SPIFFE ID",
                           usage);
        else if (!query.from_address)
            query.from_workload = *from;
    }
    const auto port = number_parameter(request, "port", 0, 65535, usage);
    if (!port) return tl::make_unexpected(port.error());
    query.port = static_cast<std::uint16_t>(*port);
    if (const auto* const protocol = parameter(request, "protocol"); protocol != nullptr) {
        query.protocol = base::parse_protocol(*protocol);
        if (!query.protocol) return refused("the protocol " + in_quotes(*protocol), "it is neither tcp nor udp", usage);
    }
    const auto* const to = parameter(request, "to");
    if (to == nullptr) return refused("the query", "it does not say to what", usage);
    query.to_address = base::IpAddress::parse(*to);
    if (const auto endpoint = base::SocketAddress::parse(*to); endpoint && endpoint->port != 0) {
        query.to_address = endpoint->address;
        query.port = endpoint->port;
    }
    if (!query.to_address && !model::is_service_name(*to))
        return refused("to " + in_quotes(*to), "it is neither an address nor a name of a service", usage);
    if (!query.to_address) query.to_service = *to;
    if (query.to_address && !query.from_identity.empty())
        return refused("to " + in_quotes(*to), "identities are those of connections to services", usage);
    if (query.to_address && query.port == 0) return refused("to " + in_quotes(*to), "an address needs a port", usage);
    return query;
}

base::Result<ExplainQuery> explain_query(const http::Request& request) {
    static constexpr std::string_view usage = "ask for /v1/explain?destination=ADDRESS:PORT[&protocol=tcp|udp][&from=ADDRESS]";
    if (auto known = only_keys(request, {"destination", "protocol", "from"}, usage); !known)
        return tl::make_unexpected(known.error());
    ExplainQuery query;
    const auto destination = request.query.find("destination");
    if (destination == request.query.end()) return refused("the query", "destination is missing", usage);
    const auto endpoint = base::SocketAddress::parse(destination->second);
    if (!endpoint || endpoint->port == 0)
        return refused("the destination " + in_quotes(destination->second),
                       "it is no address and port such as 10.96.0.10:80 or [fd00::10]:80", usage);
    query.destination = *endpoint;

    if (const auto protocol = request.query.find("protocol"); protocol != request.query.end()) {
        const auto known = base::parse_protocol(protocol->second);
        if (!known) return refused("the protocol " + in_quotes(protocol->second), "it is neither tcp nor udp", usage);
        query.protocol = *known;
    }
    if (const auto from = request.query.find("from"); from != request.query.end()) {
        query.from = base::IpAddress::parse(from->second);
        if (!query.from) return refused("the address " + in_quotes(from->second) + " of from", "it is no IP address", usage);
    }
    return query;
}

base::Result<FlowQuery> flow_query(const http::Request& request) {
    static constexpr std::string_view usage =
        "ask for "
        "/v1/flows?service=NAME&backend=ADDRESS[:PORT]&address=ADDRESS[:PORT]&state=established&source=client|server|device|"
        "forwarding&min_age=SECONDS&sort=age|bytes|rtt|retransmits|connect|response&limit=100, each of which can be left out";
    if (auto known = only_keys(request, {"service", "backend", "address", "state", "source", "min_age", "sort", "limit"}, usage);
        !known)
        return tl::make_unexpected(known.error());
    FlowQuery query;
    auto service = service_parameter(request, usage);
    if (!service) return tl::make_unexpected(service.error());
    query.service = std::move(*service);
    const auto backend = address_parameter(request, "backend", usage);
    if (!backend) return tl::make_unexpected(backend.error());
    query.backend = *backend;
    const auto address = address_parameter(request, "address", usage);
    if (!address) return tl::make_unexpected(address.error());
    query.address = *address;
    const auto state = word_parameter<FlowState>(request, "state", flow_states, usage);
    if (!state) return tl::make_unexpected(state.error());
    query.state = *state;
    const auto source = word_parameter<FlowSource>(request, "source", flow_sources, usage);
    if (!source) return tl::make_unexpected(source.error());
    query.source = *source;
    const auto min_age = number_parameter(request, "min_age", 0, longest_age_s, usage);
    if (!min_age) return tl::make_unexpected(min_age.error());
    query.min_age = std::chrono::seconds(*min_age);
    const auto sort = word_parameter<FlowSort>(request, "sort", flow_sorts, usage);
    if (!sort) return tl::make_unexpected(sort.error());
    query.sort = sort->value_or(FlowSort::age);
    const auto limit = number_parameter(request, "limit", query.limit, most_flows, usage);
    if (!limit) return tl::make_unexpected(limit.error());
    query.limit = *limit;
    return query;
}

namespace {

base::Result<WatchQuery> watch_query_of(const http::Request& request, std::string_view usage) {
    if (auto known = only_keys(request, {"service", "cursor"}, usage); !known) return tl::make_unexpected(known.error());
    WatchQuery query;
    auto service = service_parameter(request, usage);
    if (!service) return tl::make_unexpected(service.error());
    query.service = std::move(*service);
    if (parameter(request, "cursor") == nullptr) return query;
    const auto cursor = number_parameter(request, "cursor", 0, std::numeric_limits<std::uint64_t>::max(), usage);
    if (!cursor) return tl::make_unexpected(cursor.error());
    query.cursor = *cursor;
    return query;
}

}  // namespace

base::Result<WatchQuery> watch_query(const http::Request& request) {
    return watch_query_of(request,
                          "ask for /v1/flows/watch[?service=NAME] first, then with &cursor=N, the next of the answer before");
}

base::Result<WatchQuery> event_watch_query(const http::Request& request) {
    return watch_query_of(request,
                          "ask for /v1/events/watch[?service=NAME] first, then with &cursor=N, the next of the answer before");
}

base::Result<std::optional<std::int32_t>> identity_query(const http::Request& request) {
    static constexpr std::string_view usage = "ask for /v1/identities, or for those of a process: /v1/identities?pid=N";
    if (auto known = only_keys(request, {"pid"}, usage); !known) return tl::make_unexpected(known.error());
    if (parameter(request, "pid") == nullptr) return std::nullopt;
    const auto pid = number_parameter(request, "pid", 0, std::numeric_limits<std::int32_t>::max(), usage);
    if (!pid) return tl::make_unexpected(pid.error());
    return static_cast<std::int32_t>(*pid);
}

base::Result<FlowQuery> flush_query(const http::Request& request) {
    static constexpr std::string_view usage =
        "name what to forget: /v1/connections?service=NAME, &backend=ADDRESS[:PORT] or &address=ADDRESS[:PORT]";
    if (auto known = only_keys(request, {"service", "backend", "address"}, usage); !known)
        return tl::make_unexpected(known.error());
    if (request.query.empty()) return refused("the query", "it names nothing", usage);
    auto query = flow_query(request);
    if (query) query->source = FlowSource::forwarding;
    return query;
}

base::Result<PlanQuery> plan_query(std::string_view body) {
    static constexpr std::string_view usage =
        R"(send {"services": [SERVICE…], "complete": true}, and "of_files": true for those of files)";
    auto object = object_of(body, {"services", "complete", "of_files"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    const auto* const services = object->if_contains("services");
    if (services == nullptr || !services->is_array()) return refused("the body", "services is no array", usage);
    const auto* const complete = object->if_contains("complete");
    if (complete == nullptr || !complete->is_bool()) return refused("the body", "complete is neither true nor false", usage);

    PlanQuery query;
    query.complete = complete->get_bool();
    if (const auto* const of_files = object->if_contains("of_files")) {
        if (!of_files->is_bool()) return refused("the body", "of_files is neither true nor false", usage);
        query.of_files = of_files->get_bool();
    }
    Together together;
    query.services.reserve(services->get_array().size());
    for (const auto& item : services->get_array()) {
        auto service = model::service_from_json(item);
        if (!service) {
            auto error = service.error();
            error.object = "services[" + std::to_string(query.services.size()) + "], " + in_quotes(error.object);
            return base::fail(std::move(error));
        }
        if (auto added = together.add(*service); !added) return tl::make_unexpected(added.error());
        if (item.get_object().contains("backends_from")) query.asked.insert(service->name);
        query.services.push_back(std::move(*service));
    }
    return query;
}

namespace {

// "for_s", which may be left out.
base::Result<std::optional<std::chrono::seconds>> optional_duration(const json::object& object, std::string_view usage) {
    const auto* const duration = object.if_contains("for_s");
    if (duration == nullptr) return std::nullopt;
    const auto* const seconds = duration->if_int64();
    if (seconds == nullptr || *seconds < 1 || *seconds > longest_duration_s)
        return refused("the body", "for_s is no whole number from 1 to " + std::to_string(longest_duration_s), usage);
    return std::chrono::seconds(*seconds);
}

}  // namespace

base::Result<LogLevelQuery> log_level_query(std::string_view body) {
    static constexpr std::string_view usage =
        R"(send {"level": "trace"|"debug"|"info"|"warn"|"error", "for_s": 600}; without for_s until the agent ends)";
    const auto object = object_of(body, {"level", "for_s"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    const auto* const level = object->if_contains("level");
    if (level == nullptr || !level->is_string()) return refused("the body", "level is no text", usage);
    const auto known = config::parse_log_level(std::string_view(level->get_string()));
    if (!known) return refused("the log level " + in_quotes(std::string_view(level->get_string())), "it is not known", usage);
    const auto duration = optional_duration(*object, usage);
    if (!duration) return tl::make_unexpected(duration.error());
    return LogLevelQuery{*known, *duration};
}

base::Result<PauseQuery> pause_query(std::string_view body) {
    static constexpr std::string_view usage =
        R"(send {"service": NAME, "for_s": 60}; without service for the whole node, without for_s until it is resumed)";
    const auto object = object_of(body, {"service", "for_s"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    auto service = optional_service(*object, usage);
    if (!service) return tl::make_unexpected(service.error());

    const auto duration = optional_duration(*object, usage);
    if (!duration) return tl::make_unexpected(duration.error());
    return PauseQuery{std::move(*service), *duration};
}

base::Result<std::optional<std::string>> resume_query(std::string_view body) {
    static constexpr std::string_view usage = R"(send {"service": NAME}, or {} to end every pause)";
    const auto object = object_of(body, {"service"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    return optional_service(*object, usage);
}

base::Result<std::optional<std::string>> registry_query(std::string_view body) {
    static constexpr std::string_view usage = R"(send {"registry": NAME}, or {} for all)";
    const auto object = object_of(body, {"registry"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    const auto* const name = object->if_contains("registry");
    if (name == nullptr) return std::optional<std::string>{};
    if (!name->is_string()) return refused("the body", "registry is not text", usage);
    return std::optional(std::string(std::string_view(name->get_string())));
}

base::Result<std::string> announcement_query(std::string_view body) {
    static constexpr std::string_view usage = R"(send {"name": NAME})";
    const auto object = object_of(body, {"name"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    const auto* const name = object->if_contains("name");
    if (name == nullptr || !name->is_string()) return refused("the body", "name is missing or no text", usage);
    return std::string(std::string_view(name->get_string()));
}

base::Result<void> no_members(std::string_view body) {
    if (body.empty()) return {};
    if (auto object = object_of(body, {}, "send {}"); !object) return tl::make_unexpected(object.error());
    return {};
}

}  // namespace meshd::control
