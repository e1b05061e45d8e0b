// SPDX-License-Identifier: Apache-2.0
// What has happened to backends.
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"
#include "http/message.hpp"
#include "service_filter.hpp"

namespace meshd::meshctl {

namespace {

constexpr std::int64_t most_events = 4096;

struct Wanted {
    std::string service;
    std::int64_t top = 100;
};

std::string change_text(const json::object& event) { return text_at(event, "from") + " -> " + text_at(event, "to"); }

Table events_table(const json::array& events) {
    return {{text_column("AT", "at"),
             text_column("EVENT", "event"),
             text_column("SERVICE", "service"),
             text_column("PORT", "port"),
             text_column("BACKEND", "backend"),
             {"CHANGE", change_text},
             text_column("UNTIL", "until").wide(),
             text_column("CAUSE", "cause")},
            events,
            Shown::always,
            {}};
}

Result<Page> list(const Agent& agent, const Wanted& wanted) {
    auto target = fmt::format("/v1/events?limit={}", wanted.top);
    if (!wanted.service.empty()) target += "&service=" + http::percent_encode(wanted.service);
    auto answer = agent.get(target);
    if (!answer) return tl::make_unexpected(answer.error());
    const auto& events = array_at(*answer, "events");
    if (events.empty())
        if (const auto known = check_known(agent, wanted.service); !known) return tl::make_unexpected(known.error());
    Page page;
    page.blocks = {events_table(events)};
    page.verdict = events.empty() ? "no events since the agent started"
                                  : counted(static_cast<std::int64_t>(events.size()), "event") + ", the last one last";
    page.value = std::move(*answer);
    return page;
}

std::string event_line(const json::object& event) {
    auto line = fmt::format("{}  {}  {} {}", text_at(event, "at"), text_at(event, "event"), text_at(event, "service"),
                            text_at(event, "port"));
    if (const auto backend = text_at(event, "backend"); backend != "-") line += "  " + backend;
    line += "  " + change_text(event) + "  " + text_at(event, "cause");
    if (const auto until = text_at(event, "until"); until != "-") line += "  until " + until;
    return line;
}

}  // namespace

void add_event(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("event", "What has happened to backends");
    noun->require_subcommand(1);

    auto* const list_verb = noun->add_subcommand("list", "List the last changes of backends, each with its cause");
    const auto wanted = std::make_shared<Wanted>();
    add_service_option(*list_verb, wanted->service);
    list_verb->add_option("--top", wanted->top, "Show so many (100)")
        ->type_name("COUNT")
        ->check(CLI::Range(std::int64_t{1}, most_events));
    list_verb->footer(
        "Examples:\n"
        "  meshctl event list\n"
        "  meshctl event list --service web --top 10 -o wide");
    list_verb->callback([&program, wanted] { program.chosen = [wanted](const Agent& agent) { return list(agent, *wanted); }; });

    auto* const watch_verb = noun->add_subcommand("watch", "Show changes of backends as they come, until interrupted");
    const auto service = std::make_shared<std::string>();
    add_service_option(*watch_verb, *service);
    watch_verb->footer(
        "Examples:\n"
        "  meshctl event watch\n"
        "  meshctl event watch --service web -o json | jq -c 'select(.to == \"ejected\")'");
    watch_verb->callback([&program, service] {
        program.running = [service](const Agent& agent, Output& output) {
            return watch_events(agent, "/v1/events/watch", *service, event_line, output);
        };
    });
}

}  // namespace meshd::meshctl
