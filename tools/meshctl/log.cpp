// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"
#include "config/settings_file.hpp"

namespace meshd::meshctl {

namespace {

struct Wanted {
    std::string level;
    std::string seconds;  // empty: until the agent ends
};

Result<Page> show_level(const Agent& agent) {
    const auto status = agent.get("/v1/status");
    if (!status) return tl::make_unexpected(status.error());
    Page page;
    page.value = object_at(*status, "log");
    page.verdict = log_text(page.value);
    return page;
}

Result<Page> set_level(const Agent& agent, const Wanted& wanted) {
    json::object body{{"level", wanted.level}};
    if (!wanted.seconds.empty()) body["for_s"] = std::stoll(wanted.seconds);
    auto answer = agent.put("/v1/log-level", body);
    if (!answer) return tl::make_unexpected(answer.error());
    const auto until = text_at(*answer, "until");
    Page page;
    page.verdict =
        fmt::format("agent and worker log from {} on, until {}", text_at(*answer, "level"),
                    until == "-" ? "the agent ends or log.level in its configuration changes" : until + ", then as configured");
    page.value = std::move(*answer);
    return page;
}

std::string check_level(const std::string& text) {
    return config::parse_log_level(text) ? "" : "'" + text + "' is no log level: trace, debug, info, warn or error";
}

}  // namespace

std::string log_text(const json::object& log) {
    auto text = text_at(log, "level");
    const auto configured = text_at(log, "configured");
    if (configured != text) text += ", configured: " + configured;
    if (const auto until = text_at(log, "until"); until != "-") text += ", until " + until;
    return text;
}

void add_log(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("log", "The agent's log");
    noun->require_subcommand(1);
    auto* const verb = noun->add_subcommand("level", "Show how much is logged, or set it without a restart (root only)");
    const auto wanted = std::make_shared<Wanted>();
    auto* const level = verb->add_option("LEVEL", wanted->level, "trace, debug, info, warn or error; without: show it")
                            ->check(CLI::Validator(check_level, ""));
    verb->add_option("--for", wanted->seconds, "For so long, such as 10m; then as it is configured")
        ->type_name("TIME")
        ->transform(CLI::Validator(to_seconds, ""))
        ->needs(level);
    verb->footer(
        "Agent and worker follow at once.\n\n"
        "Examples:\n"
        "  meshctl log level\n"
        "  sudo meshctl log level debug --for 10m\n"
        "  journalctl -u meshd -f");
    verb->callback([&program, wanted] {
        program.chosen = [wanted](const Agent& agent) {
            return wanted->level.empty() ? show_level(agent) : set_level(agent, *wanted);
        };
    });
}

}  // namespace meshd::meshctl
