// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

std::string stale_text(const json::object& stale) {
    return fmt::format(
        "{} and {} closed; last looked for at {}, among {} in {}", counted(number_at(stale, "closed_total"), "socket"),
        counted(number_at(stale, "forwarded_closed_total"), "forwarded connection"), text_at(stale, "last_pass_at"),
        counted(number_at(stale, "sockets"), "socket"), counted(number_at(stale, "namespaces"), "network namespace"));
}

// Connections to backends that have left, or are leaving.
Table stale_table(const json::object& stale) {
    Table table;
    table.title = "Connections to backends that leave";
    table.columns = {text_column("SERVICE", "service"),
                     text_column("BACKEND", "backend"),
                     text_column("WHY", "why"),
                     text_column("SINCE", "since"),
                     {"CLOSES AT",
                      [](const json::object& row) {
                          const auto at = text_at(row, "closes_at");
                          return at == "-" ? std::string("never") : at;
                      }},
                     number_column("SOCKETS", "sockets"),
                     number_column("FORWARDED", "forwarded"),
                     number_column("CLOSED", "closed")};
    table.rows = array_at(stale, "backends");
    return table;
}

// What a registry says and the agent does not do, and why.
Table registries_table(const json::object& drift) {
    return {{text_column("REGISTRY", "registry"), text_column("DIFFERENCE", "difference"), text_column("OBJECT", "object"),
             text_column("DETAIL", "detail"), text_column("SINCE", "since")},
            array_at(drift, "registries.differences"),
            Shown::always,
            "Registries and desired state"};
}

std::string missed_text(const json::object& row) {
    std::string text;
    for (const auto& service : array_at(row, "services"))
        if (service.is_string()) text += (text.empty() ? "" : ", ") + std::string(service.get_string());
    return text;
}

Table missed_table(const json::object& drift) {
    return {{text_column("REGISTRY", "registry"), number_column("SERVICES", "total"), text_column("LAST AT", "last_at"),
             Column{"LAST", missed_text}},
            array_at(drift, "registries.missed"),
            Shown::always,
            "Found by full comparison with a registry, not by its notifications"};
}

Table pending_table(const json::object& drift) {
    return {{text_column("SERVICE", "service"), text_column("WHY", "message")},
            array_at(drift, "pending"),
            Shown::always,
            "Desired state that is not in the maps yet"};
}

std::string verdict(const json::object& drift) {
    const auto differences = number_at(drift, "registries.count");
    const auto pending = static_cast<std::int64_t>(array_at(drift, "pending").size());
    const auto repaired = number_at(drift, "repaired_total");
    const auto now = differences + pending == 0 ? std::string("registries, desired state and maps agree")
                                                : fmt::format("{} between registries and desired state, {} pending",
                                                              counted(differences, "difference"), counted(pending, "service"));
    return fmt::format("{}; {} in the maps found and repaired since the agent has started", now,
                       repaired == 0 ? "no difference" : counted(repaired, "difference"));
}

Result<Page> show(const Agent& agent) {
    auto answer = agent.get("/v1/drift");
    if (!answer) return tl::make_unexpected(answer.error());
    Page page;
    page.blocks = {registries_table(*answer),
                   missed_table(*answer),
                   pending_table(*answer),
                   Facts{{{"Last check", text_at(*answer, "last_check_at")},
                          {"Interval", seconds_at(*answer, "interval_s")},
                          {"Checks", text_at(*answer, "checks_total")},
                          {"Repaired", text_at(*answer, "repaired_total")},
                          {"Last drift", text_at(*answer, "last.at")},
                          {"Stale sockets", stale_text(object_at(*answer, "stale_sockets"))}}},
                   operations_table(array_at(*answer, "last.operations")),
                   stale_table(object_at(*answer, "stale_sockets"))};
    page.verdict = verdict(*answer);
    page.value = std::move(*answer);
    return page;
}

Result<Page> repair(const Agent& agent) {
    auto answer = agent.post("/v1/reconcile");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto& operations = array_at(*answer, "operations");
    const auto& errors = array_at(*answer, "errors");
    const auto count = static_cast<std::int64_t>(operations.size());
    Page page;
    Lines lines;
    // What they say comes later, and is compared then.
    const auto asked = agent.post("/v1/registries/sync", {});
    if (!asked) lines.lines.push_back("registries: " + asked.error().message);
    for (const auto& error : errors)
        if (error.is_object())
            lines.lines.push_back(text_at(error.get_object(), "service") + ": " + text_at(error.get_object(), "message"));
    page.blocks = {operations_table(operations), std::move(lines)};
    if (!errors.empty()) {
        page.verdict = counted(static_cast<std::int64_t>(errors.size()), "service is", "services are") +
                       " pending; the agent tries again by itself";
        page.exit = ExitCode::failed;
    } else if (count > 0) {
        page.verdict = counted(count, "difference") + " found and repaired";
        page.exit = ExitCode::not_healthy;
    } else {
        page.verdict = "the maps are as they should be";
    }
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_drift(CLI::App& app, Program& program) {
    auto* const command = app.add_subcommand("drift", "Differences between registries, desired state and the kernel's maps");
    const auto repairs = std::make_shared<bool>(false);
    command->add_flag(
        "--repair", *repairs,
        "Compare the maps now, repair them and ask the registries for everything (root only); exit 4 when the maps differed");
    command->footer(
        "Examples:\n"
        "  meshctl drift\n"
        "  sudo meshctl drift --repair");
    command->callback([&program, repairs] { program.chosen = *repairs ? repair : show; });
}

}  // namespace meshd::meshctl
