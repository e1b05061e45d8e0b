// SPDX-License-Identifier: Apache-2.0
#include "base/version.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

// Without an agent the tool's own version is still worth having, so this is a page and no failure.
Result<Page> version(const Agent& agent) {
    auto answer = agent.get("/v1/version");
    Page page;
    page.value = {{"meshctl", {{"version", base::version}, {"commit", base::commit}}}};
    Facts facts{{{"meshctl", fmt::format("{} ({})", base::version, base::commit)}}};
    if (answer) {
        facts.facts.push_back({"meshd", fmt::format("{} ({}), ABI {}", text_at(*answer, "version"), text_at(*answer, "commit"),
                                                    text_at(*answer, "abi"))});
        if (text_at(*answer, "version") != base::version || text_at(*answer, "commit") != base::commit)
            page.verdict = "meshctl and the running agent are of different builds";
        page.value["meshd"] = std::move(*answer);
    } else {
        facts.facts.push_back({"meshd", "-"});
        page.value["meshd"] = nullptr;
        page.value["error"] = {{"message", answer.error().message}, {"remedy", answer.error().remedy}};
        page.verdict = answer.error().message + "; " + answer.error().remedy;
        page.exit = answer.error().code;
    }
    page.blocks = {std::move(facts)};
    return page;
}

}  // namespace

void add_version(CLI::App& app, Program& program) {
    auto* const command = app.add_subcommand("version", "Show the versions of meshctl and of the running agent");
    command->footer("Examples:\n  meshctl version\n  meshctl version -o json | jq -r .meshd.version");
    command->callback([&program] { program.chosen = version; });
}

}  // namespace meshd::meshctl
