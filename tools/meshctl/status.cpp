// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>
#include <meshd/counters.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

std::string meaning_of(const std::string& label) {
    static const std::map<std::string, std::string> meanings{
#define X(enumerator, name, meaning) {name, meaning},
        MD_REASONS(X)
#undef X
    };
    const auto found = meanings.find(label);
    return found == meanings.end() ? "-" : found->second;
}

std::string worker_text(const json::object& worker) {
    if (worker.empty()) return "-";
    auto text = text_at(worker, "state");
    if (const auto pid = number_at(worker, "pid"); pid > 0) text += fmt::format(", process {}", pid);
    text += fmt::format(", {}, since {}", counted(number_at(worker, "restarts"), "restart"), text_at(worker, "since"));
    if (const auto why = text_at(worker, "last_exit"); why != "-") text += ", ended last: " + why;
    if (const auto& retired = array_at(worker, "retired"); !retired.empty())
        text += fmt::format("; {} retired", counted(static_cast<std::int64_t>(retired.size()), "worker"));
    return text;
}

bool is_refused(const json::value& source) { return source.is_object() && text_at(source.get_object(), "state") == "refused"; }

std::string registry_text(const json::object& registry) {
    const auto& sources = array_at(registry, "sources");
    const auto refused = std::count_if(sources.begin(), sources.end(), is_refused);
    auto text = text_at(registry, "directory") + ", " + counted(static_cast<std::int64_t>(sources.size()), "file");
    if (refused > 0) text += fmt::format(", {} refused", refused);
    if (!is_true(registry, "complete")) text += ", not read completely yet";
    if (const auto error = text_at(registry, "directory_error"); error != "-") text += ", " + error;
    return text;
}

std::string reconcile_text(const json::object& reconcile) {
    const auto at = text_at(reconcile, "last_at");
    const auto last = at == "-" ? "not run yet" : "last at " + at + " in " + microseconds_at(reconcile, "last_duration_us");
    return fmt::format("every {}, {}, {}", seconds_at(reconcile, "interval_s"), last,
                       counted(number_at(reconcile, "errors_total"), "error"));
}

std::string drift_text(const json::object& reconcile) {
    const auto total = number_at(reconcile, "drift_total");
    return total == 0 ? "none"
                      : fmt::format("{} repaired, last at {}", counted(total, "difference"), text_at(reconcile, "drift_last_at"));
}

std::string acceleration_text(const json::object& acceleration) {
    if (acceleration.empty()) return "-";
    auto text = text_at(acceleration, "mode") + ", " + counted(number_at(acceleration, "connections"), "connection");
    if (const auto reason = text_at(acceleration, "reason"); reason != "-") text += ": " + reason;
    return text;
}

std::string forwarding_text(const json::object& forwarding) {
    if (!is_true(forwarding, "enabled")) return "off: the configuration names no devices";
    return fmt::format("{} of {} attached; {} of {} tracks, {} opening", text_at(forwarding, "attached"),
                       counted(static_cast<std::int64_t>(array_at(forwarding, "devices").size()), "device"),
                       text_at(forwarding, "tracks"), text_at(forwarding, "most_tracks"), text_at(forwarding, "opening"));
}

Table devices_table(const json::object& status) {
    json::array rows;
    for (const auto& device : array_at(status, "forwarding.devices")) {
        if (!device.is_object()) continue;
        for (const auto& program : array_at(device.get_object(), "programs"))
            if (program.is_object())
                rows.push_back({{"device", text_at(device.get_object(), "name")},
                                {"mechanism", text_at(device.get_object(), "mechanism")},
                                {"program", text_at(program.get_object(), "name")},
                                {"id", number_at(program.get_object(), "id")}});
    }
    return {{text_column("DEVICE", "device"), text_column("BY", "mechanism"), text_column("PROGRAM", "program"),
             number_column("ID", "id")},
            std::move(rows),
            Shown::when_wide,
            {}};
}

std::string programs_text(const json::array& programs) {
    const auto attached = std::count_if(programs.begin(), programs.end(), [](const json::value& program) {
        return program.is_object() && is_true(program.get_object(), "attached");
    });
    return fmt::format("{} of {} attached", attached, programs.size());
}

Facts facts(const json::object& status) {
    const auto services = object_at(status, "services");
    const auto backends = object_at(status, "backends");
    return {{
        {"State", text_at(status, "state")},
        {"Agent", fmt::format("{} ({}), ABI {}, process {}", text_at(status, "version"), text_at(status, "commit"),
                              text_at(status, "abi"), text_at(status, "pid"))},
        {"Up", fmt::format("{}, since {}", seconds_at(status, "uptime_s"), text_at(status, "started_at"))},
        {"Log", object_at(status, "log").empty() ? "-" : log_text(object_at(status, "log"))},
        {"Kernel", text_at(status, "kernel")},
        {"Cgroup", text_at(status, "cgroup")},
        {"Pins",
         text_at(status, "pins") + (is_true(status, "adopted") ? ", adopted from an earlier agent" : ", made by this agent")},
        {"Programs", programs_text(array_at(status, "programs"))},
        {"Worker", worker_text(object_at(status, "worker"))},
        {"Registry", registry_text(object_at(status, "registry"))},
        {"Desired", fmt::format("version {} from the {}, {} ago", text_at(status, "desired.version"),
                                text_at(status, "desired.from"), seconds_at(status, "desired.age_s"))},
        {"Services", fmt::format("{}: {} applied, {} pending", text_at(services, "total"), text_at(services, "applied"),
                                 text_at(services, "pending"))},
        {"Backends", fmt::format("{}: {} ready, {} drain, {} maint", text_at(backends, "total"), text_at(backends, "ready"),
                                 text_at(backends, "drain"), text_at(backends, "maint"))},
        {"Forwarding", forwarding_text(object_at(status, "forwarding"))},
        {"Acceleration", acceleration_text(object_at(status, "acceleration"))},
        {"Reconcile", reconcile_text(object_at(status, "reconcile"))},
        {"Drift", drift_text(object_at(status, "reconcile"))},
    }};
}

Table programs_table(const json::object& status) {
    return {{text_column("PROGRAM", "name"), text_column("ATTACHED", "attached"), text_column("WHERE", "attach"),
             number_column("ID", "id")},
            array_at(status, "programs"),
            Shown::when_wide,
            {}};
}

Table sources_table(const json::object& status) {
    return {{text_column("SOURCE", "name"), text_column("STATE", "state"), number_column("SERVICES", "services"),
             text_column("SINCE", "since"), text_column("ERROR", "error")},
            array_at(status, "registry.sources"),
            Shown::when_wide,
            {}};
}

// The agent's list of degradations names only the first of them.
Lines refused_sources(const json::object& status) {
    Lines lines;
    for (const auto& source : array_at(status, "registry.sources"))
        if (is_refused(source)) lines.lines.push_back("refused: " + text_at(source.get_object(), "error"));
    return lines.lines.size() > 1 ? lines : Lines{};
}

// Lines, not a table: reasons and remedies are sentences.
Lines degraded_lines(const json::object& status) {
    Lines lines;
    for (const auto& row : array_at(status, "degraded")) {
        if (!row.is_object()) continue;
        const auto& degraded = row.get_object();
        lines.lines.push_back(fmt::format("{}, since {}: {}", text_at(degraded, "feature"), text_at(degraded, "since"),
                                          text_at(degraded, "reason")));
        if (const auto remedy = text_at(degraded, "remedy"); remedy != "-") lines.lines.push_back("    " + remedy);
    }
    return lines;
}

Table events_table(const json::object& status) {
    json::array rows;
    for (const auto& event : object_at(status, "events"))
        rows.push_back({{"event", event.key()}, {"count", event.value()}, {"meaning", meaning_of(std::string(event.key()))}});
    return {{text_column("EVENT", "event"), number_column("COUNT", "count"), text_column("MEANING", "meaning")},
            std::move(rows),
            Shown::when_wide,
            {}};
}

// Times of this form are in order as texts are.
std::string first_since(const json::object& status) {
    std::string first = "-";
    for (const auto& row : array_at(status, "degraded")) {
        const auto since = row.is_object() ? text_at(row.get_object(), "since") : "-";
        if (since != "-" && (first == "-" || since < first)) first = since;
    }
    return first;
}

std::string verdict(const json::object& status) {
    const auto state = text_at(status, "state");
    if (state == "ok") return "ok: services are balanced in the kernel";
    if (state == "starting") return "starting: what was in the kernel goes on until the agent has read its registry";
    const auto count = static_cast<std::int64_t>(array_at(status, "degraded").size());
    if (count == 0) return state + ": see the agent's log";
    return fmt::format("{} since {}: {} attention; what is in the kernel goes on", state, first_since(status),
                       counted(count, "thing needs", "things need"));
}

Result<Page> status(const Agent& agent) {
    auto answer = agent.get("/v1/status");
    if (!answer) return tl::make_unexpected(answer.error());
    Page page;
    page.blocks = {facts(*answer),         degraded_lines(*answer), refused_sources(*answer), programs_table(*answer),
                   devices_table(*answer), sources_table(*answer),  events_table(*answer)};
    page.verdict = verdict(*answer);
    page.exit = text_at(*answer, "state") == "ok" ? ExitCode::done : ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_status(CLI::App& app, Program& program) {
    auto* const command = app.add_subcommand("status", "Show how the agent is and what is degraded; exit 4 when it is not ok");
    command->footer(
        "Examples:\n"
        "  meshctl status\n"
        "  meshctl status -o wide      programs, files of the registry and event counts too\n"
        "  meshctl status -o json | jq .degraded");
    command->callback([&program] { program.chosen = status; });
}

}  // namespace meshd::meshctl
