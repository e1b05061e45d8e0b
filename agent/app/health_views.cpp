// SPDX-License-Identifier: Apache-2.0
// The answers about states of backends and their changes.
#include <boost/json.hpp>

#include "app/standing_view.hpp"
#include "app/views.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

json::array events_json(const std::vector<health::Event>& events, std::string_view service) {
    json::array rows;
    for (const auto& event : events)
        if (service.empty() || event.service == service) rows.emplace_back(health::to_json(event));
    return rows;
}

// The backend on each port of its service, as it stands now.
json::object backend_json(const Context& context, const control::BackendStateQuery& query) {
    json::array rows;
    const auto& services = context.reconciler->desired().services;
    if (const auto found = services.find(query.service); found != services.end())
        for (const auto& port : found->second->ports)
            for (const auto& backend : port.backends) {
                if (backend.endpoint != query.backend) continue;
                json::object row{{"service", query.service},
                                 {"port", port.number},
                                 {"protocol", base::name(port.protocol)},
                                 {"address", backend.endpoint.address.text()},
                                 {"backend_port", backend.endpoint.port}};
                add_standing(context, {query.service, port.number, port.protocol}, backend.endpoint, row);
                rows.emplace_back(std::move(row));
            }
    return {{"backends", std::move(rows)}};
}

}  // namespace

json::object Views::events(const control::EventQuery& query) {
    const auto service = query.service.value_or("");
    const auto& log = context_.health->feed().log();
    return {{"events", events_json(log.last(query.limit, service), service)}, {"next", log.next()}};
}

void Views::watch_events(const control::WatchQuery& query, control::Later later) {
    context_.health->feed().wait(query.cursor, [service = query.service.value_or(""), later](const health::EventLog::Part& part) {
        later(json::serialize(
            json::object{{"events", events_json(part.events, service)}, {"next", part.next}, {"lost", part.lost}}));
    });
}

base::Result<std::optional<json::object>> Views::set_backend_state(const control::BackendStateQuery& query) {
    const auto known = context_.health->set({query.service, query.backend}, query.state, query.duration);
    if (!known) return tl::make_unexpected(known.error());
    if (!*known) return std::optional<json::object>{};
    return std::optional(backend_json(context_, query));
}

base::Result<std::optional<json::object>> Views::reset_backend_state(const control::BackendStateQuery& query) {
    const auto known = context_.health->clear({query.service, query.backend});
    if (!known) return tl::make_unexpected(known.error());
    if (!*known) return std::optional<json::object>{};
    return std::optional(backend_json(context_, query));
}

}  // namespace meshd::app
