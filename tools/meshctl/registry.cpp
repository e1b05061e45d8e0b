// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

bool is_well(const json::object& registry) {
    return text_at(registry, "state") == "ok" && number_at(registry, "refused_count") == 0;
}

std::string age_text(const json::object& registry) { return registry.contains("age_s") ? seconds_at(registry, "age_s") : "-"; }

Table list_table(json::array registries) {
    return {{text_column("NAME", "name"), text_column("KIND", "kind"), text_column("STATE", "state"), Column{"AGE", age_text},
             number_column("SERVICES", "services"), number_column("BACKENDS", "backends"),
             number_column("REFUSED", "refused_count"), number_column("HIDDEN", "hidden_count"),
             number_column("HELD", "held_count"), number_column("EVENTS", "figures.events").wide(),
             number_column("SYNCS", "figures.syncs").wide(), text_column("ERROR", "error").wide()},
            std::move(registries),
            Shown::always,
            {}};
}

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/registries");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto registries = array_at(*answer, "registries");
    const auto well = std::count_if(registries.begin(), registries.end(),
                                    [](const json::value& one) { return one.is_object() && is_well(one.get_object()); });
    Lines errors;
    for (const auto& one : registries)
        if (one.is_object() && text_at(one.get_object(), "error") != "-")
            errors.lines.push_back(text_at(one.get_object(), "name") + ": " + text_at(one.get_object(), "error"));
    Page page;
    page.blocks = {list_table(registries), std::move(errors)};
    page.verdict =
        fmt::format("{} of {} in order", well, counted(static_cast<std::int64_t>(registries.size()), "registry", "registries"));
    page.exit = well == static_cast<std::int64_t>(registries.size()) ? ExitCode::done : ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

std::string failures_text(const json::object& registry) {
    std::string text;
    for (const auto& [kind, count] : object_at(registry, "figures.failures"))
        if (count.is_number() && count.to_number<std::int64_t>() != 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count.to_number<std::int64_t>(), std::string_view(kind));
    return text.empty() ? "none" : text;
}

Result<Page> show(const Agent& agent, const std::string& name) {
    const auto answer = agent.get("/v1/registries");
    if (!answer) return tl::make_unexpected(answer.error());
    for (const auto& one : array_at(*answer, "registries")) {
        if (!one.is_object() || text_at(one.get_object(), "name") != name) continue;
        const auto& registry = one.get_object();
        Page page;
        page.blocks = {Facts{{{"Registry", name},
                              {"Kind", text_at(registry, "kind")},
                              {"State", text_at(registry, "state")},
                              {"Error", text_at(registry, "error")},
                              {"Since", text_at(registry, "since")},
                              {"Last answer", text_at(registry, "last_answer")},
                              {"Age", age_text(registry)},
                              {"Services", text_at(registry, "services")},
                              {"Backends", text_at(registry, "backends")},
                              {"Queries", text_at(registry, "queries")},
                              {"Events", text_at(registry, "figures.events")},
                              {"Changes", text_at(registry, "figures.changes")},
                              {"Syncs", text_at(registry, "figures.syncs")},
                              {"Failures", failures_text(registry)},
                              {"Removals held", fmt::format("{}, taken {}, withdrawn {}", text_at(registry, "figures.held"),
                                                            text_at(registry, "figures.held_taken"),
                                                            text_at(registry, "figures.held_withdrawn"))}}},
                       Table{{text_column("REFUSED", "object"), text_column("WHY", "error")},
                             array_at(registry, "refused"),
                             Shown::always,
                             {}},
                       Table{{text_column("HIDDEN SERVICE", "service"), text_column("BY", "by"), text_column("FOR", "why")},
                             array_at(registry, "hidden"),
                             Shown::always,
                             {}},
                       Table{{text_column("HELD", "what"), number_column("FROM", "from"), number_column("TO", "to"),
                              text_column("SINCE", "since")},
                             array_at(registry, "held"),
                             Shown::always,
                             {}}};
        page.exit = is_well(registry) ? ExitCode::done : ExitCode::not_healthy;
        page.value = registry;
        return page;
    }
    return tl::make_unexpected(
        Failure{ExitCode::failed, "there is no registry \"" + name + "\"", "`meshctl registry list` tells them", {}});
}

Result<Page> sync(const Agent& agent, const std::string& name) {
    json::object body;
    if (!name.empty()) body["registry"] = name;
    auto answer = agent.post("/v1/registries/sync", body);
    if (!answer) return tl::make_unexpected(answer.error());
    Page page;
    page.verdict = (name.empty() ? "all registries are" : name + " is") + std::string(" asked for everything again");
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_registry(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("registry", "Where services come from: files, Consul, Kubernetes, etcd, DNS");
    noun->require_subcommand(1);
    noun->add_subcommand("list", "List them with the age of what they said; exit 4 when one is not in order")
        ->callback([&program] { program.chosen = list; });

    auto name = std::make_shared<std::string>();
    auto* const one =
        noun->add_subcommand("show", "Show one: its errors, what of it is refused, hidden or held; exit 4 as above");
    one->add_option("NAME", *name, "Name of the registry")->required();
    one->footer("Examples:\n  meshctl registry show consul");
    one->callback([&program, name] { program.chosen = [name](const Agent& agent) { return show(agent, *name); }; });

    auto* const again = noun->add_subcommand("sync", "Ask one, or all, for everything again and compare; for root");
    again->add_option("NAME", *name, "Name of the registry; all of them without it");
    again->footer("Examples:\n  meshctl registry sync\n  meshctl registry sync kubernetes");
    again->callback([&program, name] { program.chosen = [name](const Agent& agent) { return sync(agent, *name); }; });
}

}  // namespace meshd::meshctl
