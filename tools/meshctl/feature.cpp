// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

bool is_lesser(const json::value& row) {
    const auto state = row.is_object() ? text_at(row.get_object(), "state") : "-";
    return state == "replaced" || state == "missing";
}

// Sentences, so no columns.
Lines costs(const json::array& features) {
    Lines lines;
    for (const auto& row : features) {
        if (!is_lesser(row)) continue;
        const auto& feature = row.get_object();
        const auto detail = text_at(feature, "detail");
        lines.lines.push_back(text_at(feature, "name") + (detail == "-" ? "" : ": " + detail));
        const auto since = text_at(feature, "since");
        lines.lines.push_back("    " + text_at(feature, "cost") + (since == "-" ? "" : "; in Linux since " + since));
    }
    return lines;
}

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/features");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto features = array_at(*answer, "features");
    const auto lesser = std::count_if(features.begin(), features.end(), is_lesser);
    Page page;
    page.blocks = {Table{{text_column("FEATURE", "name"), text_column("STATE", "state"), text_column("SINCE", "since"),
                          text_column("FOR", "use"), text_column("DETAIL", "detail").wide()},
                         features,
                         Shown::always,
                         {}},
                   costs(features)};
    const auto kernel = "Linux " + text_at(*answer, "kernel");
    page.verdict = lesser == 0 ? kernel + " has everything that is asked of it"
                               : fmt::format("{} does not have {} of {} features", kernel, lesser, features.size());
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_feature(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("feature", "What of this kernel is used, and what is used instead");
    noun->require_subcommand(1);
    auto* const verb = noun->add_subcommand("list", "List the kernel's features, how the agent decided, and what that costs");
    verb->footer(
        "States: used; replaced by something lesser; missing, with nothing in its place; idle, since nothing asks for it.\n\n"
        "Examples:\n"
        "  meshctl feature list\n"
        "  meshctl feature list -o json | jq -r '.features[] | select(.state == \"replaced\") | .name'");
    verb->callback([&program] { program.chosen = list; });
}

}  // namespace meshd::meshctl
