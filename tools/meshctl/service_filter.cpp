// SPDX-License-Identifier: Apache-2.0
#include "service_filter.hpp"

#include <fmt/format.h>

#include "http/message.hpp"
#include "model/service.hpp"

namespace meshd::meshctl {

namespace {

// An empty name, such as that of an unset variable, must not mean all services.
std::string check_service(const std::string& text) {
    return model::is_service_name(text) ? "" : "'" + text + "' is no name of a service";
}

}  // namespace

void add_service_option(CLI::App& verb, std::string& service, const std::string& description) {
    verb.add_option("--service", service, description)->type_name("NAME")->check(CLI::Validator(check_service, ""));
}

Result<void> check_known(const Agent& agent, const std::string& service) {
    if (service.empty()) return {};
    const auto known = agent.get("/v1/services/" + http::percent_encode(service));
    if (!known) return tl::make_unexpected(known.error());
    return {};
}

Result<void> watch_events(const Agent& agent, const std::string& route, const std::string& service,
                          const std::function<std::string(const json::object&)>& line_of, Output& output) {
    if (auto known = check_known(agent, service); !known) return known;
    const std::string filter = service.empty() ? "" : "service=" + http::percent_encode(service);
    for (std::string cursor;;) {
        const auto* const joint = cursor.empty() || filter.empty() ? "" : "&";
        const auto answer = agent.get(route + "?" + cursor + joint + filter);
        if (!answer) return tl::make_unexpected(answer.error());
        if (const auto lost = number_at(*answer, "lost"); lost > 0) {
            const json::object row{{"event", "lost"}, {"count", lost}};
            if (!output.line(row, counted(lost, "event") + " lost: this end is too slow")) return {};
        }
        for (const auto& event : array_at(*answer, "events"))
            if (event.is_object() && !output.line(event.get_object(), line_of(event.get_object()))) return {};
        cursor = fmt::format("cursor={}", number_at(*answer, "next"));
        if (!output.flush()) return {};
    }
}

}  // namespace meshd::meshctl
