// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

std::string cgroups_text(const json::object& identity) {
    std::string text;
    for (const auto& path : array_at(identity, "cgroups"))
        if (path.is_string()) text.append(text.empty() ? "" : ", ").append(std::string_view(path.get_string()));
    return text.empty() ? "-" : text;
}

Table identities_table(json::array identities) {
    return {{text_column("NAME", "name"),
             text_column("WHOSE", "whose"),
             {"CGROUPS", cgroups_text},
             text_column("NOTE", "note"),
             text_column("CERTIFICATE", "certificate").wide()},
            std::move(identities),
            Shown::always,
            {}};
}

Result<Page> of_process(const json::object& answer) {
    const auto& process = object_at(answer, "process");
    const auto name = text_at(process, "identity");
    const auto* const refused = process.if_contains("refused");
    const std::string none = refused != nullptr && *refused == true ? "none" : "that of the node";
    Page page;
    page.blocks = {Facts{{{"Process", text_at(process, "pid")},
                          {"Cgroup", text_at(process, "cgroup")},
                          {"User", text_at(process, "user")},
                          {"Identity", name == "-" ? none : name}}}};
    page.verdict = text_at(process, "why");
    page.value = answer;
    return page;
}

Result<Page> show(const Agent& agent, std::optional<std::int32_t> pid) {
    auto answer = agent.get(pid ? fmt::format("/v1/identities?pid={}", *pid) : "/v1/identities");
    if (!answer) return tl::make_unexpected(answer.error());
    if (pid) return of_process(*answer);
    const auto all = array_at(*answer, "identities");
    const auto* const enabled = answer->if_contains("enabled");
    Page page;
    page.blocks = {identities_table(all)};
    page.verdict = enabled != nullptr && *enabled == true
                       ? fmt::format("{} of trust domain {}; all others go out as the node",
                                     counted(static_cast<std::int64_t>(all.size()), "identity", "identities"),
                                     text_at(*answer, "trust_domain"))
                       : "this node encrypts nothing: its configuration has no section tls";
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_identity(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("identity", "Whose connections to encrypted services go out under which certificate");
    noun->require_subcommand(1);
    const auto pid = std::make_shared<std::optional<std::int32_t>>();
    auto* const one = noun->add_subcommand("show", "List identities, or tell which one the sockets of a process get, and why");
    one->add_option("PID", *pid, "The process")->check(CLI::Range(1, 0x7fffffff));
    one->footer(
        "A socket has the cgroup and the user that its process had when it was made, and keeps them.\n\n"
        "Examples:\n"
        "  meshctl identity show\n"
        "  meshctl identity show $(pidof -s curl)");
    one->callback([&program, pid] { program.chosen = [pid](const Agent& agent) { return show(agent, *pid); }; });
}

}  // namespace meshd::meshctl
