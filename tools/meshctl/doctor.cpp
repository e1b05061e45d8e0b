// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"
#include "node_checks.hpp"

namespace meshd::meshctl {

namespace {

Table checks_table(const json::array& checks) {
    return {
        {text_column("CHECK", "check"), text_column("STATE", "state"), text_column("WHAT", "what")}, checks, Shown::always, {}};
}

// What is to be done, and why: sentences, so no columns.
Lines remedies(const json::array& checks) {
    Lines lines;
    for (const std::string_view state : {"problem", "note", "unknown"})
        for (const auto& item : checks) {
            if (!item.is_object() || text_at(item.get_object(), "state") != state) continue;
            const auto& check = item.get_object();
            lines.lines.push_back(fmt::format("{}: {}: {}", state, text_at(check, "check"), text_at(check, "what")));
            if (const auto why = text_at(check, "why"); why != "-") lines.lines.push_back("    why: " + why);
            if (const auto remedy = text_at(check, "remedy"); remedy != "-") lines.lines.push_back("    do:  " + remedy);
        }
    return lines;
}

std::string verdict(const json::object& answer) {
    const auto problems = number_at(answer, "problems");
    const auto checks = counted(static_cast<std::int64_t>(array_at(answer, "checks").size()), "check");
    const auto notes = number_at(answer, "notes") == 0 ? "" : ", " + counted(number_at(answer, "notes"), "note");
    if (problems == 0) return "all well: " + checks + notes;
    return fmt::format("{} to mend: {}{}", counted(problems, "thing"), checks, notes);
}

}  // namespace

Result<json::object> examine(const Agent& agent, const NodePlaces& places) {
    auto answer = agent.get("/v1/doctor");
    if (answer || answer.error().code != ExitCode::not_reachable) return answer;
    return checks_without_agent(places, answer.error());
}

void add_doctor(CLI::App& app, Program& program) {
    auto* const command = app.add_subcommand("doctor",
                                             "Look for what is wrong with this node, and say how to mend it; exit 4 when "
                                             "there is something");
    const auto places = std::make_shared<NodePlaces>();
    command->add_option("--config", places->configuration, "The agent's configuration, looked at when it does not run")
        ->type_name("FILE")
        ->capture_default_str();
    command->footer(
        "The agent does the looking. Without one, meshctl looks at what it can see itself, and says what it left out.\n\n"
        "Examples:\n"
        "  meshctl doctor\n"
        "  meshctl doctor -o json | jq -r '.checks[] | select(.state == \"problem\") | .remedy'");
    command->callback([&program, places] {
        program.chosen = [places](const Agent& agent) -> Result<Page> {
            auto answer = examine(agent, *places);
            if (!answer) return tl::make_unexpected(answer.error());
            const auto& checks = array_at(*answer, "checks");
            Page page;
            page.blocks = {checks_table(checks), remedies(checks)};
            page.verdict = verdict(*answer);
            page.exit = number_at(*answer, "problems") == 0 ? ExitCode::done : ExitCode::not_healthy;
            page.value = std::move(*answer);
            return page;
        };
    });
}

}  // namespace meshd::meshctl
