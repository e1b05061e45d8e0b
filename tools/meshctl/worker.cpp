// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/status");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto worker = object_at(*answer, "worker");
    json::array rows;
    if (number_at(worker, "pid") != 0 || text_at(worker, "state") != "running")
        rows.push_back(
            {{"pid", number_at(worker, "pid")}, {"state", text_at(worker, "state")}, {"since", text_at(worker, "since")}});
    for (const auto& one : array_at(worker, "retired"))
        if (one.is_object())
            rows.push_back({{"pid", number_at(one.get_object(), "pid")},
                            {"state", "retired"},
                            {"since", text_at(one.get_object(), "since")},
                            {"until", text_at(one.get_object(), "until")}});
    const bool runs = text_at(worker, "state") == "running";
    Page page;
    page.blocks = {Table{{number_column("PROCESS", "pid"), text_column("STATE", "state"), text_column("SINCE", "since"),
                          text_column("UNTIL AT MOST", "until")},
                         std::move(rows),
                         Shown::always,
                         {}}};
    page.exit = runs ? ExitCode::done : ExitCode::not_healthy;
    page.value = worker;
    return page;
}

Result<Page> replace(const Agent& agent) {
    auto answer = agent.post("/v1/worker/replace", {});
    if (!answer) return tl::make_unexpected(answer.error());
    Page page;
    page.verdict =
        fmt::format("process {} is the worker now; the one before goes on with its connections", number_at(*answer, "pid"));
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_worker(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("worker", "The unprivileged process: registries, probes, encryption, metrics");
    noun->require_subcommand(1);
    noun->add_subcommand("list", "List it and those retired that still carry connections; exit 4 when it is not running")
        ->callback([&program] { program.chosen = list; });
    noun->add_subcommand("replace", "Start another in its place; connections go on in the old one, for worker.shutdown_timeout")
        ->callback([&program] { program.chosen = replace; });
}

}  // namespace meshd::meshctl
