// SPDX-License-Identifier: Apache-2.0
#include "cli.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/version.hpp"
#include "command.hpp"
#include "complete.hpp"
#include "render.hpp"

namespace meshd::meshctl {

namespace {

std::unique_ptr<CLI::App> command_line(Program& program) {
    auto app = std::make_unique<CLI::App>("Ask and steer the meshd agent of this host.", "meshctl");
    app->get_formatter()->column_width(32);
    app->set_version_flag("--version", fmt::format("meshctl {} ({})", base::version, base::commit));
    app->require_subcommand(1);
    app->fallthrough();  // global options may stand behind the verb; inherited by all subcommands
    app->add_option("--socket", program.socket, "The agent's control socket (/run/meshd/control.sock)")
        ->envname("MESHD_SOCKET")
        ->type_name("PATH");
    app->add_option("-o,--output", program.format, "How to print (table)")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "wide", "json", "yaml"}));
    app->footer(
        "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 agent not reachable, 4 checked and not healthy.\n\n"
        "Examples:\n"
        "  meshctl status\n"
        "  meshctl doctor\n"
        "  meshctl service show web -o wide\n"
        "  meshctl explain 10.96.0.10:80\n"
        "  meshctl config check /etc/meshd/services.d\n\n"
        "Help for each command: meshctl COMMAND --help");
    add_status(*app, program);
    add_service(*app, program);
    add_backend(*app, program);
    add_device(*app, program);
    add_feature(*app, program);
    add_doctor(*app, program);
    add_bugreport(*app, program);
    add_acceleration(*app, program);
    add_flow(*app, program);
    add_connection(*app, program);
    add_event(*app, program);
    add_top(*app, program);
    add_policy(*app, program);
    add_registry(*app, program);
    add_announcement(*app, program);
    add_identity(*app, program);
    add_edge(*app, program);
    add_certificate(*app, program);
    add_tls(*app, program);
    add_ca(*app, program);
    add_apply(*app, program);
    add_get(*app, program);
    add_delete(*app, program);
    add_config(*app, program);
    add_drift(*app, program);
    add_map(*app, program);
    add_explain(*app, program);
    add_worker(*app, program);
    add_log(*app, program);
    add_version(*app, program);
    return app;
}

// "meshctl service show": as far as the command line could be read.
std::string command_name(const CLI::App& app) {
    std::string name = "meshctl";
    for (const auto* command = &app; !command->get_subcommands().empty();) {
        command = command->get_subcommands().back();
        name += " " + command->get_name();
    }
    return name;
}

// What CLI11 says to a missing or unknown verb does not help.
Failure usage_failure(const CLI::App& app, const CLI::ParseError& error) {
    const auto name = command_name(app);
    const auto see = "see `" + name + " --help`";
    const auto* command = &app;
    while (!command->get_subcommands().empty()) command = command->get_subcommands().back();
    const auto verbs = command->get_subcommands([](const CLI::App*) { return true; });
    if (verbs.empty() || dynamic_cast<const CLI::RequiredError*>(&error) == nullptr)
        return {ExitCode::usage, error.what(), see, {}};

    std::string known;
    for (const auto* verb : verbs) known += (known.empty() ? "" : ", ") + verb->get_name();
    const auto unknown = app.remaining(true);
    const auto message =
        unknown.empty() ? "what should `" + name + "` do?" : "`" + name + "` has no command '" + unknown.front() + "'";
    return {ExitCode::usage, message, "known are " + known + "; " + see, {}};
}

// The format an error is printed in, also when the command line could not be read.
Format wanted_format(const std::vector<std::string>& arguments) {
    auto format = Format::table;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string_view text = arguments[i];
        if (text == "--") break;
        if ((text == "-o" || text == "--output") && i + 1 < arguments.size())
            text = arguments[i + 1];
        else if (text.starts_with("--output="))
            text.remove_prefix(9);
        else if (text.starts_with("-o"))
            text.remove_prefix(2);
        else
            continue;
        format = parse_format(text).value_or(format);
    }
    return format;
}

int finish(const Failure& failure, Format format, std::ostream& out, std::ostream& err) {
    render(failure, format, out, err);
    return static_cast<int>(failure.code);
}

}  // namespace

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    Program program;
    const auto app = command_line(program);
    if (!arguments.empty() && arguments.front() == "complete") return complete(*app, arguments, out);
    const auto format = wanted_format(arguments);
    try {
        app->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::Success& wanted) {  // --help, --version
        app->exit(wanted, out, err);
        return static_cast<int>(ExitCode::done);
    } catch (const CLI::ParseError& error) {
        return finish(usage_failure(*app, error), format, out, err);
    }
    const Agent agent(program.socket);
    if (program.running) {
        Output output(format, out, ::isatty(STDOUT_FILENO) != 0);
        const auto ran = program.running(agent, output);
        return ran ? static_cast<int>(ExitCode::done) : finish(ran.error(), format, out, err);
    }
    const auto page = program.chosen(agent);
    if (!page) return finish(page.error(), format, out, err);
    render(*page, format, out);
    return static_cast<int>(page->exit);
}

}  // namespace meshd::meshctl
