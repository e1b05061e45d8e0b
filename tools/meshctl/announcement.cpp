// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

bool is_well(const json::object& announcement) {
    const auto state = text_at(announcement, "state");
    return state == "announced" || state == "drained";
}

// The worker tells how it stands some time after a person's word.
std::string state_text(const json::object& announcement) {
    const auto* const drained = announcement.if_contains("drained");
    const auto state = text_at(announcement, "state");
    return state == "announced" && drained != nullptr && *drained == true ? "draining" : state;
}

Table announcements_table(json::array announcements) {
    const auto address = [](const json::object& row) { return endpoint_text(text_at(row, "address"), number_at(row, "port")); };
    return {{text_column("NAME", "name"),
             text_column("REGISTRY", "registry"),
             {"ADDRESS", address},
             {"STATE", state_text},
             text_column("SINCE", "since"),
             text_column("PROBE", "probe"),
             text_column("KIND", "kind").wide()},
            std::move(announcements),
            Shown::always,
            {}};
}

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/announcements");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto all = array_at(*answer, "announcements");
    Lines errors;
    std::int64_t well = 0;
    for (const auto& one : all) {
        if (!one.is_object()) continue;
        const auto& row = one.get_object();
        if (is_well(row)) ++well;
        if (text_at(row, "error") != "-") errors.lines.push_back(text_at(row, "name") + ": " + text_at(row, "error"));
    }
    Page page;
    page.blocks = {announcements_table(all), std::move(errors)};
    page.verdict = all.empty()
                       ? "nothing is announced"
                       : fmt::format("{} of {} in order", well, counted(static_cast<std::int64_t>(all.size()), "announcement"));
    page.exit = well == static_cast<std::int64_t>(all.size()) ? ExitCode::done : ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

Result<Page> set(const Agent& agent, const std::string& verb, const std::string& name) {
    auto answer = agent.post("/v1/announcements/" + verb, {{"name", name}});
    if (!answer) return tl::make_unexpected(answer.error());
    Page page;
    page.blocks = {announcements_table(array_at(*answer, "announcements"))};
    page.verdict = verb == "drain" ? name + " is to take no new connections from elsewhere, until it is ready"
                                   : name + " is announced again as it stands";
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_announcement(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("announcement", "Services of this host that Consul or etcd is told of");
    noun->require_subcommand(1);
    noun->add_subcommand("list", "List them, and how they stand; exit 4 when one is neither announced nor drained")
        ->callback([&program] { program.chosen = list; });

    const auto add = [&](const std::string& verb, const std::string& help, const std::string& more) {
        const auto name = std::make_shared<std::string>();
        auto* const one = noun->add_subcommand(verb, help);
        one->add_option("NAME", *name, "Name of the service")->required();
        one->footer(more + "\n\nExamples:\n  sudo meshctl announcement " + verb + " web");
        one->callback(
            [&program, verb, name] { program.chosen = [verb, name](const Agent& agent) { return set(agent, verb, *name); }; });
    };
    add("drain", "Let nobody open new connections to a service of this host; for root",
        "Holds for each registry and address that it is announced with, also over restarts of the agent.");
    add("ready", "End that; for root", "A service that its probe finds unwell stays so.");
}

}  // namespace meshd::meshctl
