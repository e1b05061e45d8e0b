// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

Result<Page> show(const Agent& agent) {
    auto answer = agent.get("/v1/drift");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto repaired = number_at(*answer, "repaired_total");
    Page page;
    page.blocks = {Facts{{{"Last check", text_at(*answer, "last_check_at")},
                          {"Interval", seconds_at(*answer, "interval_s")},
                          {"Checks", text_at(*answer, "checks_total")},
                          {"Repaired", text_at(*answer, "repaired_total")},
                          {"Last drift", text_at(*answer, "last.at")}}},
                   operations_table(array_at(*answer, "last.operations"))};
    page.verdict = repaired == 0 ? "no drift since the agent has started"
                                 : counted(repaired, "difference was", "differences were") +
                                       " found and repaired since the agent has started; `meshctl drift --repair` compares now";
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
    auto* const command = app.add_subcommand("drift", "Differences between the kernel's maps and what they should be");
    const auto repairs = std::make_shared<bool>(false);
    command->add_flag("--repair", *repairs, "Compare now and repair (root only); exit 4 when something differed");
    command->footer(
        "Examples:\n"
        "  meshctl drift\n"
        "  sudo meshctl drift --repair");
    command->callback([&program, repairs] { program.chosen = *repairs ? repair : show; });
}

}  // namespace meshd::meshctl
