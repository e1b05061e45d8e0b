// SPDX-License-Identifier: Apache-2.0
#include "control/query.hpp"

#include <chrono>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <boost/json.hpp>

#include "config/settings_file.hpp"
#include "model/service_json.hpp"

namespace meshd::control {

namespace json = boost::json;

namespace {

// Deeper than any body that is valid, shallow enough for any stack.
constexpr std::size_t max_depth = 16;
constexpr std::size_t longest_quote = 120;
constexpr std::int64_t longest_pause_s = 86400;

tl::unexpected<base::Error> refused(std::string_view object, std::string detail, std::string_view remedy) {
    return base::fail({"use", std::string(object), 0, std::move(detail), std::string(remedy)});
}

base::Result<void> only_keys(const http::Request& request, const std::set<std::string_view>& known, std::string_view remedy) {
    for (const auto& [key, value] : request.query)
        if (!known.contains(key)) return refused("the query parameter " + in_quotes(key), "it is not known here", remedy);
    return {};
}

base::Result<json::object> object_of(std::string_view body, const std::set<std::string_view>& known, std::string_view remedy) {
    json::parse_options options;
    options.max_depth = max_depth;
    json::error_code error;
    json::value value;
    try {
        value = json::parse({body.data(), body.size()}, error, {}, options);
    } catch (const std::exception& exception) {  // out of memory
        return refused("the body", exception.what(), remedy);
    }
    if (error) return refused("the body", "it is not JSON (" + error.message() + ")", remedy);
    if (!value.is_object()) return refused("the body", "it is not a JSON object", remedy);
    for (const auto& member : value.get_object())
        if (!known.contains(std::string_view(member.key())))
            return refused("the member " + in_quotes(std::string_view(member.key())) + " of the body", "it is not known here",
                           remedy);
    return std::move(value.get_object());
}

// The name under "service", which may be left out. null is no name: who means the whole node leaves it out.
base::Result<std::optional<std::string>> optional_service(const json::object& object, std::string_view usage) {
    const auto* const service = object.if_contains("service");
    if (service == nullptr) return std::nullopt;
    if (!service->is_string()) return refused("the body", "service is no text", usage);
    const std::string_view name = service->get_string();
    if (!model::is_service_name(name)) return refused("the service " + in_quotes(name), "it is no name of a service", usage);
    return std::string(name);
}

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

std::string in_quotes(std::string_view text) {
    std::string result = "'";
    for (const char letter : text.substr(0, longest_quote)) result += letter >= ' ' && letter <= '~' ? letter : '?';
    if (text.size() > longest_quote) result += "…";
    return result + "'";
}

base::Result<void> no_query(const http::Request& request) { return only_keys(request, {}, "leave it out"); }

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

base::Result<PlanQuery> plan_query(std::string_view body) {
    static constexpr std::string_view usage = R"(send {"services": [SERVICE…], "complete": true})";
    auto object = object_of(body, {"services", "complete"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    const auto* const services = object->if_contains("services");
    if (services == nullptr || !services->is_array()) return refused("the body", "services is no array", usage);
    const auto* const complete = object->if_contains("complete");
    if (complete == nullptr || !complete->is_bool()) return refused("the body", "complete is neither true nor false", usage);

    PlanQuery query;
    query.complete = complete->get_bool();
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
        query.services.push_back(std::move(*service));
    }
    return query;
}

base::Result<config::LogLevel> log_level_query(std::string_view body) {
    static constexpr std::string_view usage = R"(send {"level": "trace"|"debug"|"info"|"warn"|"error"})";
    const auto object = object_of(body, {"level"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    const auto* const level = object->if_contains("level");
    if (level == nullptr || !level->is_string()) return refused("the body", "level is no text", usage);
    if (const auto known = config::parse_log_level(std::string_view(level->get_string()))) return *known;
    return refused("the log level " + in_quotes(std::string_view(level->get_string())), "it is not known", usage);
}

base::Result<PauseQuery> pause_query(std::string_view body) {
    static constexpr std::string_view usage =
        R"(send {"service": NAME, "for_s": 60}; without service for the whole node, without for_s until it is resumed)";
    const auto object = object_of(body, {"service", "for_s"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    auto service = optional_service(*object, usage);
    if (!service) return tl::make_unexpected(service.error());

    PauseQuery query{std::move(*service), {}};
    if (const auto* const duration = object->if_contains("for_s")) {
        const auto* const seconds = duration->if_int64();
        if (seconds == nullptr || *seconds < 1 || *seconds > longest_pause_s)
            return refused("the body", "for_s is no whole number from 1 to " + std::to_string(longest_pause_s), usage);
        query.duration = std::chrono::seconds(*seconds);
    }
    return query;
}

base::Result<std::optional<std::string>> resume_query(std::string_view body) {
    static constexpr std::string_view usage = R"(send {"service": NAME}, or {} to end every pause)";
    const auto object = object_of(body, {"service"}, usage);
    if (!object) return tl::make_unexpected(object.error());
    return optional_service(*object, usage);
}

base::Result<void> no_members(std::string_view body) {
    if (body.empty()) return {};
    if (auto object = object_of(body, {}, "send {}"); !object) return tl::make_unexpected(object.error());
    return {};
}

}  // namespace meshd::control
