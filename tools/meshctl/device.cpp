// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

std::string programs_text(const json::object& device) {
    json::array names;
    for (const auto& program : array_at(device, "programs"))
        if (program.is_object())
            names.emplace_back(text_at(program.get_object(), "name") + " (" + text_at(program.get_object(), "id") + ")");
    return names.empty() ? "-" : join(names);
}

Table devices_table(json::array devices) {
    return {
        {text_column("DEVICE", "name"), number_column("INDEX", "index"), text_column("UP", "up"), text_column("BY", "mechanism"),
         text_column("ADDRESSES", "addresses"), Column{"PROGRAMS", programs_text}, text_column("ERROR", "error").wide()},
        std::move(devices),
        Shown::always,
        {}};
}

Lines errors(const json::array& devices) {
    Lines lines;
    for (const auto& device : devices)
        if (const auto why = device.is_object() ? text_at(device.get_object(), "error") : "-"; why != "-")
            lines.lines.push_back(text_at(device.get_object(), "name") + ": " + why);
    return lines;
}

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/devices");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto devices = array_at(*answer, "devices");
    const auto attached = std::count_if(devices.begin(), devices.end(), [](const json::value& device) {
        return device.is_object() && text_at(device.get_object(), "mechanism") != "-";
    });
    Page page;
    page.blocks = {devices_table(devices), errors(devices)};
    page.verdict = devices.empty()
                       ? "no devices: `devices` in the configuration names none that is here"
                       : fmt::format("{}: {} attached", counted(static_cast<std::int64_t>(devices.size()), "device"), attached);
    page.exit = attached == static_cast<std::int64_t>(devices.size()) ? ExitCode::done : ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_device(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("device", "Network devices whose packets are looked at");
    noun->require_subcommand(1);
    auto* const verb = noun->add_subcommand("list", "List them with their programs; exit 4 when some are not attached");
    verb->footer(
        "Examples:\n"
        "  meshctl device list\n"
        "  meshctl device list -o json | jq -r '.devices[] | select(.mechanism == \"\") | .name'");
    verb->callback([&program] { program.chosen = list; });
}

}  // namespace meshd::meshctl
