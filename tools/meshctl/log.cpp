// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <CLI/CLI.hpp>

#include "command.hpp"
#include "config/settings_file.hpp"

namespace meshd::meshctl {

namespace {

Result<Page> set_level(const Agent& agent, const std::string& level) {
    auto answer = agent.put("/v1/log-level", {{"level", level}});
    if (!answer) return tl::make_unexpected(answer.error());
    Page page;
    page.verdict =
        "the log level is " + text_at(*answer, "level") + " until the agent ends or log.level in its configuration changes";
    page.value = std::move(*answer);
    return page;
}

std::string check_level(const std::string& text) {
    return config::parse_log_level(text) ? "" : "'" + text + "' is no log level: trace, debug, info, warn or error";
}

}  // namespace

void add_log(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("log", "The agent's log");
    noun->require_subcommand(1);
    auto* const verb = noun->add_subcommand("level", "Set how much is logged, without a restart (root only)");
    const auto level = std::make_shared<std::string>();
    verb->add_option("LEVEL", *level, "trace, debug, info, warn or error")->required()->check(CLI::Validator(check_level, ""));
    verb->footer(
        "Examples:\n"
        "  sudo meshctl log level debug\n"
        "  journalctl -u meshd -f");
    verb->callback([&program, level] { program.chosen = [level](const Agent& agent) { return set_level(agent, *level); }; });
}

}  // namespace meshd::meshctl
