// SPDX-License-Identifier: Apache-2.0
#include "control/router.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "config/settings_file.hpp"
#include "control/query.hpp"

namespace meshd::control {

namespace json = boost::json;

namespace {

constexpr std::string_view service_prefix = "/v1/services/";
constexpr std::string_view service_names = "GET /v1/services or `meshctl service list` tells the names";

http::Response answer(const json::object& object, unsigned status = 200) {
    return {status, json::serialize(object) + "\n", "application/json", {}};
}

http::Response failure(unsigned status, std::string_view message, std::string_view remedy) {
    return answer({{"error", {{"message", message}, {"remedy", remedy}}}}, status);
}

http::Response failure(unsigned status, base::Error error) {
    const auto remedy = std::exchange(error.remedy, {});
    return failure(status, error.message(), remedy);
}

http::Response answer(const base::Result<json::object>& result) {
    if (result) return answer(*result);
    return failure(result.error().code == EBUSY ? 409 : 500, result.error());
}

http::Response answer(const base::Result<std::optional<json::object>>& result, std::string_view service) {
    if (!result) return answer(tl::make_unexpected(result.error()));
    if (!*result) return failure(404, "there is no service " + in_quotes(service), service_names);
    return answer(**result);
}

// Each verb checks what it was asked and calls the agent.
http::Response version(Agent& agent, const http::Request& /*request*/) { return answer(agent.version()); }
http::Response status(Agent& agent, const http::Request& /*request*/) { return answer(agent.status()); }
http::Response services(Agent& agent, const http::Request& /*request*/) { return answer(agent.services()); }
http::Response backends(Agent& agent, const http::Request& /*request*/) { return answer(agent.backends()); }
http::Response drift(Agent& agent, const http::Request& /*request*/) { return answer(agent.drift()); }
http::Response devices(Agent& agent, const http::Request& /*request*/) { return answer(agent.devices()); }
http::Response maps(Agent& agent, const http::Request& /*request*/) { return answer(agent.maps()); }
http::Response reconcile(Agent& agent, const http::Request& /*request*/) { return answer(agent.reconcile()); }

http::Response service(Agent& agent, const http::Request& request) {
    const auto name = std::string_view(request.path).substr(service_prefix.size());
    if (!model::is_service_name(name)) return failure(404, in_quotes(name) + " is no name of a service", service_names);
    return answer(agent.service(name), name);
}

http::Response registries(Agent& agent, const http::Request& /*request*/) { return answer(agent.registries()); }

http::Response sync_registry(Agent& agent, const http::Request& request) {
    const auto name = registry_query(request.body);
    if (!name) return failure(400, name.error());
    const auto synced = agent.sync_registry(*name);
    if (!synced) return answer(base::Result<json::object>(tl::make_unexpected(synced.error())));
    if (!*synced)
        return failure(404, "there is no registry " + in_quotes(**name),
                       "GET /v1/registries or `meshctl registry list` tells them");
    return answer(**synced);
}

http::Response announcements(Agent& agent, const http::Request& /*request*/) { return answer(agent.announcements()); }

http::Response certificates(Agent& agent, const http::Request& /*request*/) { return answer(agent.certificates()); }

http::Response edge(Agent& agent, const http::Request& /*request*/) { return answer(agent.edge()); }

template <bool is_drained>
http::Response drain_announcement(Agent& agent, const http::Request& request) {
    const auto name = announcement_query(request.body);
    if (!name) return failure(400, name.error());
    const auto done = agent.drain_announcement(*name, is_drained);
    if (!done) return answer(base::Result<json::object>(tl::make_unexpected(done.error())));
    if (!*done)
        return failure(404, "no service " + in_quotes(*name) + " is announced",
                       "GET /v1/announcements or `meshctl announcement list` tells them");
    return answer(**done);
}

http::Response identities(Agent& agent, const http::Request& request) {
    const auto pid = identity_query(request);
    return pid ? answer(agent.identities(*pid)) : failure(400, pid.error());
}

http::Response explain(Agent& agent, const http::Request& request) {
    const auto query = explain_query(request);
    return query ? answer(agent.explain(*query)) : failure(400, query.error());
}

http::Response plan(Agent& agent, const http::Request& request) {
    auto query = plan_query(request.body);
    return query ? answer(agent.plan(std::move(*query))) : failure(400, query.error());
}

http::Response log_level(Agent& agent, const http::Request& request) {
    const auto query = log_level_query(request.body);
    return query ? answer(agent.set_log_level(*query)) : failure(400, query.error());
}

http::Response features(Agent& agent, const http::Request& /*request*/) { return answer(agent.features()); }
http::Response examine(Agent& agent, const http::Request& /*request*/) { return answer(agent.examine()); }
http::Response log_tail(Agent& agent, const http::Request& /*request*/) { return answer(agent.log_tail()); }

http::Response policy(Agent& agent, const http::Request& /*request*/) { return answer(agent.policy()); }

http::Response policy_check(Agent& agent, const http::Request& request) {
    const auto query = policy_query(request);
    return query ? answer(agent.policy_check(*query)) : failure(400, query.error());
}

http::Response acceleration(Agent& agent, const http::Request& /*request*/) { return answer(agent.acceleration()); }
http::Response acceleration_top(Agent& agent, const http::Request& /*request*/) { return answer(agent.acceleration_top()); }

http::Response pause_acceleration(Agent& agent, const http::Request& request) {
    const auto query = pause_query(request.body);
    return query ? answer(agent.pause_acceleration(*query), query->service.value_or("")) : failure(400, query.error());
}

http::Response resume_acceleration(Agent& agent, const http::Request& request) {
    const auto service = resume_query(request.body);
    return service ? answer(agent.resume_acceleration(*service), service->value_or("")) : failure(400, service.error());
}

http::Response selftest_acceleration(Agent& agent, const http::Request& request) {
    const auto checked = no_members(request.body);
    return checked ? answer(agent.selftest_acceleration()) : failure(400, checked.error());
}

Later to_response(http::Respond respond) {
    return [respond = std::move(respond)](base::Result<std::string> body) {
        if (body)
            respond({200, std::move(*body) + "\n", "application/json", {}});
        else
            respond(answer(base::Result<json::object>(tl::make_unexpected(body.error()))));
    };
}

void flows(Agent& agent, const http::Request& request, http::Respond respond) {
    const auto query = flow_query(request);
    if (!query) return respond(failure(400, query.error()));
    agent.flows(*query, to_response(std::move(respond)));
}

void watch_flows(Agent& agent, const http::Request& request, http::Respond respond) {
    const auto query = watch_query(request);
    if (!query) return respond(failure(400, query.error()));
    agent.watch_flows(*query, to_response(std::move(respond)));
}

void check_tls(Agent& agent, const http::Request& request, http::Respond respond) {
    const auto query = tls_check_query(request.body);
    if (!query) return respond(failure(400, query.error()));
    agent.check_tls(*query, to_response(std::move(respond)));
}

void replace_worker(Agent& agent, const http::Request& request, http::Respond respond) {
    const auto checked = no_members(request.body);
    if (!checked) return respond(failure(400, checked.error()));
    agent.replace_worker(to_response(std::move(respond)));
}

void traffic(Agent& agent, const http::Request& /*request*/, http::Respond respond) {
    agent.traffic(to_response(std::move(respond)));
}

void metrics(Agent& agent, const http::Request& /*request*/, http::Respond respond) {
    agent.metrics(to_response(std::move(respond)));
}

void flush_connections(Agent& agent, const http::Request& request, http::Respond respond) {
    const auto query = flush_query(request);
    if (!query) return respond(failure(400, query.error()));
    agent.flush_connections(*query, to_response(std::move(respond)));
}

http::Response events(Agent& agent, const http::Request& request) {
    const auto query = event_query(request);
    return query ? answer(agent.events(*query)) : failure(400, query.error());
}

void watch_events(Agent& agent, const http::Request& request, http::Respond respond) {
    const auto query = event_watch_query(request);
    if (!query) return respond(failure(400, query.error()));
    agent.watch_events(*query, to_response(std::move(respond)));
}

http::Response answer(const base::Result<std::optional<json::object>>& result, const BackendStateQuery& query) {
    if (!result) return answer(base::Result<json::object>(tl::make_unexpected(result.error())));
    if (!*result)
        return failure(404, "service " + in_quotes(query.service) + " has no backend " + in_quotes(query.backend.text()),
                       "GET /v1/backends or `meshctl backend list` tells the backends");
    return answer(**result);
}

http::Response set_backend_state(Agent& agent, const http::Request& request) {
    const auto query = backend_state_query(request.body);
    return query ? answer(agent.set_backend_state(*query), *query) : failure(400, query.error());
}

http::Response reset_backend_state(Agent& agent, const http::Request& request) {
    const auto query = backend_name_query(request);
    return query ? answer(agent.reset_backend_state(*query), *query) : failure(400, query.error());
}

struct Route {
    std::string_view method;
    std::string_view path;  // a second method of a path stands behind the first
    bool changes;           // for root only
    bool has_query;         // the verb itself checks its query
    http::Response (*verb)(Agent& agent, const http::Request& request);
    void (*later)(Agent& agent, const http::Request& request, http::Respond respond) = nullptr;  // instead
};

constexpr std::array<Route, 41> routes{{
    {"GET", "/v1/version", false, false, version},
    {"GET", "/v1/status", false, false, status},
    {"GET", "/v1/services", false, false, services},
    {"GET", "/v1/services/NAME", false, false, service},
    {"GET", "/v1/backends", false, false, backends},
    {"PUT", "/v1/backend-state", true, false, set_backend_state},
    {"DELETE", "/v1/backend-state", true, true, reset_backend_state},
    {"GET", "/v1/events", false, true, events},
    {"GET", "/v1/events/watch", false, true, nullptr, watch_events},
    {"GET", "/v1/drift", false, false, drift},
    {"GET", "/v1/maps", false, false, maps},
    {"GET", "/v1/devices", false, false, devices},
    {"GET", "/v1/registries", false, false, registries},
    {"GET", "/v1/announcements", false, false, announcements},
    {"GET", "/v1/certificates", false, false, certificates},
    {"GET", "/v1/edge", false, false, edge},
    {"GET", "/v1/identities", false, true, identities},
    {"GET", "/v1/explain", false, true, explain},
    {"GET", "/v1/policy", false, false, policy},
    {"GET", "/v1/policy/check", false, true, policy_check},
    {"GET", "/v1/acceleration", false, false, acceleration},
    {"GET", "/v1/acceleration/top", false, false, acceleration_top},
    {"GET", "/v1/flows", false, true, nullptr, flows},
    {"GET", "/v1/flows/watch", false, true, nullptr, watch_flows},
    {"GET", "/v1/traffic", false, false, nullptr, traffic},
    {"DELETE", "/v1/connections", true, true, nullptr, flush_connections},
    {"POST", "/v1/tls/check", false, false, nullptr, check_tls},
    {"POST", "/v1/plan", false, false, plan},
    {"POST", "/v1/reconcile", true, false, reconcile},
    {"POST", "/v1/registries/sync", true, false, sync_registry},
    {"POST", "/v1/announcements/drain", true, false, drain_announcement<true>},
    {"POST", "/v1/announcements/ready", true, false, drain_announcement<false>},
    {"POST", "/v1/acceleration/pause", true, false, pause_acceleration},
    {"POST", "/v1/acceleration/resume", true, false, resume_acceleration},
    {"POST", "/v1/acceleration/selftest", true, false, selftest_acceleration},
    {"PUT", "/v1/log-level", true, false, log_level},
    {"POST", "/v1/worker/replace", true, false, nullptr, replace_worker},
    {"GET", "/v1/log", true, false, log_tail},
    {"GET", "/v1/features", false, false, features},
    {"GET", "/v1/doctor", false, false, examine},
    {"GET", "/v1/metrics", false, false, nullptr, metrics},
}};

// The one of this method, or any of this path: then the method is wrong.
const Route* find_route(std::string_view path, std::string_view method) {
    const bool names_service = path.starts_with(service_prefix) && path.size() > service_prefix.size();
    const Route* of_path = nullptr;
    for (const auto& route : routes) {
        if (route.path != (names_service ? "/v1/services/NAME" : path)) continue;
        if (route.method == method) return &route;
        if (of_path == nullptr) of_path = &route;
    }
    return of_path;
}

http::Response not_found(std::string_view path) {
    std::string known = "known are";
    for (const auto& route : routes)
        known.append(&route == &routes.front() ? " " : ", ").append(route.method).append(" ").append(route.path);
    return failure(404, "there is nothing at " + in_quotes(path), known);
}

http::Response not_allowed(const Route& route, std::string_view method) {
    std::string methods;
    for (const auto& other : routes)
        if (other.path == route.path) methods.append(methods.empty() ? "" : ", ").append(other.method);
    auto response = failure(405, in_quotes(method) + " does not work on " + std::string(route.path), "use " + methods);
    response.headers.emplace("Allow", methods);
    return response;
}

// What a page that shows the mesh needs, and no more.
constexpr std::array<std::string_view, 9> shown{"/v1/version", "/v1/status",  "/v1/services",     "/v1/backends",  "/v1/events",
                                                "/v1/flows",   "/v1/traffic", "/v1/certificates", "/v1/registries"};

void answer(Agent& agent, const Route& route, const http::Request& request, http::Respond respond) {
    if (!route.has_query)
        if (const auto checked = no_query(request); !checked) return respond(failure(400, checked.error()));
    if (route.later != nullptr) return route.later(agent, request, std::move(respond));
    respond(route.verb(agent, request));
}

}  // namespace

void Router::handle(const http::Request& request, http::Respond respond) {
    if (!request.peer || !access_.may_read(*request.peer))
        return respond(
            failure(403, "reading is for root and members of the agent's group",
                    "run as root, or join the group that `control.group` names in the configuration and log in again"));
    const auto* const route = find_route(request.path, request.method);
    if (route == nullptr) return respond(not_found(request.path));
    if (route->method != request.method) return respond(not_allowed(*route, request.method));
    if (route->changes && !access_.may_change(*request.peer))
        return respond(failure(403, std::string(route->method) + " " + std::string(route->path) + " is for root", "run as root"));
    answer(agent_, *route, request, std::move(respond));
}

void Router::show(const http::Request& request, http::Respond respond) {
    if (std::find(shown.begin(), shown.end(), request.path) == shown.end())
        return respond(failure(404, "the picture shows nothing of " + in_quotes(request.path), "ask the control socket"));
    answer(agent_, *find_route(request.path, "GET"), request, std::move(respond));
}

}  // namespace meshd::control
