// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

std::string entries_text(const json::object& map) { return number_at(map, "entries") < 0 ? "-" : text_at(map, "entries"); }

std::string fill_text(const json::object& map) {
    const auto entries = number_at(map, "entries");
    const auto most = number_at(map, "max_entries");
    if (entries < 0 || most <= 0) return "-";
    return fmt::format("{:.1f} %", 100.0 * static_cast<double>(entries) / static_cast<double>(most));
}

std::string memory_text(const json::object& map) { return bytes_at(map, "memory_bytes"); }

Table maps_table(const json::array& maps) {
    const auto right = Column::Side::right;
    return {{text_column("NAME", "name"),
             text_column("TYPE", "type"),
             {"ENTRIES", entries_text, right},
             number_column("MAX", "max_entries"),
             {"FILL", fill_text, right},
             {"MEMORY", memory_text, right},
             number_column("ID", "id").wide(),
             number_column("KEY", "key_size").wide(),
             number_column("VALUE", "value_size").wide(),
             text_column("PATH", "path").wide(),
             text_column("PURPOSE", "purpose").wide()},
            maps,
            Shown::always,
            {}};
}

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/maps");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto& maps = array_at(*answer, "maps");
    double memory = 0;
    for (const auto& map : maps)
        if (map.is_object()) memory += static_cast<double>(number_at(map.get_object(), "memory_bytes"));
    Page page;
    page.blocks = {maps_table(maps)};
    page.verdict = maps.empty() ? "no maps" : counted(static_cast<std::int64_t>(maps.size()), "map") + ", " + bytes_text(memory);
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_map(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("map", "The kernel's maps that the agent owns");
    noun->require_subcommand(1);
    auto* const verb = noun->add_subcommand("list", "List maps with their fill and memory");
    verb->footer(
        "Examples:\n"
        "  meshctl map list\n"
        "  meshctl map list -o json | jq -r '.maps[] | [.name, .path] | @tsv'\n"
        "  sudo bpftool map dump pinned /sys/fs/bpf/meshd/v2/maps/md_frontends");
    verb->callback([&program] { program.chosen = list; });
}

}  // namespace meshd::meshctl
