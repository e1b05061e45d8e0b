// SPDX-License-Identifier: Apache-2.0
// What people say of backends, and what they ask of events.
#include "control/query.hpp"

#include "control/query_parts.hpp"

namespace meshd::control {

namespace json = boost::json;

namespace {

constexpr std::int64_t longest_override_s = 30LL * 86400;
constexpr std::uint64_t most_events = 4096;

// The address and port of a backend, which a service may have on several ports.
base::Result<void> read_name(const std::string& service, std::string_view backend, BackendStateQuery& query,
                             std::string_view usage) {
    if (!model::is_service_name(service))
        return refused("the service " + in_quotes(service), "it is no name of a service", usage);
    const auto endpoint = base::SocketAddress::parse(backend);
    if (!endpoint || endpoint->port == 0)
        return refused("the backend " + in_quotes(backend), "it is no address and port such as 10.0.0.1:8080 or [fd00::1]:8080",
                       usage);
    query.service = service;
    query.backend = *endpoint;
    return {};
}

std::string text_of(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string{};
}

}  // namespace

base::Result<EventQuery> event_query(const http::Request& request) {
    static constexpr std::string_view usage = "ask for /v1/events[?service=NAME][&limit=100]";
    if (auto known = only_keys(request, {"service", "limit"}, usage); !known) return tl::make_unexpected(known.error());
    EventQuery query;
    auto service = service_parameter(request, usage);
    if (!service) return tl::make_unexpected(service.error());
    query.service = std::move(*service);
    const auto limit = number_parameter(request, "limit", query.limit, most_events, usage);
    if (!limit) return tl::make_unexpected(limit.error());
    query.limit = *limit;
    return query;
}

base::Result<BackendStateQuery> backend_state_query(std::string_view body) {
    static constexpr std::string_view usage =
        R"(send {"service": NAME, "backend": "ADDRESS:PORT", "state": "drain"|"maint"|"ready", "for_s": 600}; without for_s until it is taken back)";
    const auto object = object_of(body, {"service", "backend", "state", "for_s"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    BackendStateQuery query;
    if (auto read = read_name(text_of(*object, "service"), text_of(*object, "backend"), query, usage); !read)
        return tl::make_unexpected(read.error());
    const auto state = text_of(*object, "state");
    const auto known = model::parse_backend_state(state);
    if (!known) return refused("the state " + in_quotes(state), "it is not known", usage);
    query.state = *known;
    if (const auto* const duration = object->if_contains("for_s")) {
        const auto* const seconds = duration->if_int64();
        if (seconds == nullptr || *seconds < 1 || *seconds > longest_override_s)
            return refused("the body", "for_s is no whole number from 1 to " + std::to_string(longest_override_s), usage);
        query.duration = std::chrono::seconds(*seconds);
    }
    return query;
}

base::Result<BackendStateQuery> backend_name_query(const http::Request& request) {
    static constexpr std::string_view usage = "name the backend: /v1/backend-state?service=NAME&backend=ADDRESS:PORT";
    if (auto known = only_keys(request, {"service", "backend"}, usage); !known) return tl::make_unexpected(known.error());
    const auto* const service = parameter(request, "service");
    const auto* const backend = parameter(request, "backend");
    if (service == nullptr || backend == nullptr) return refused("the query", "service or backend is missing", usage);
    BackendStateQuery query;
    if (auto read = read_name(*service, *backend, query, usage); !read) return tl::make_unexpected(read.error());
    return query;
}

}  // namespace meshd::control
