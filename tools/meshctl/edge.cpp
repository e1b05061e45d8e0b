// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

namespace {

std::string texts_at(const json::object& row, std::string_view key) {
    std::string text;
    for (const auto& one : array_at(row, key))
        if (one.is_string()) text.append(text.empty() ? "" : ", ").append(std::string_view(one.get_string()));
    return text.empty() ? "-" : text;
}

std::string service_of(const json::object& route) {
    const auto port = text_at(route, "port");
    return text_at(route, "service") + (port == "-" ? "" : ":" + port);
}

std::string tls_of(const json::object& route) {
    const auto* const passes = route.if_contains("pass_through");
    return passes != nullptr && *passes == true ? "passes" : "ends here";
}

// What all listeners have under a key, in one table; each says whose it is.
json::array rows_of(const json::array& listeners, std::string_view key) {
    json::array rows;
    for (const auto& listener : listeners) {
        if (!listener.is_object()) continue;
        for (const auto& item : array_at(listener.get_object(), key)) {
            if (!item.is_object()) continue;
            auto row = item.get_object();
            row["listener"] = text_at(listener.get_object(), "name");
            rows.emplace_back(std::move(row));
        }
    }
    return rows;
}

Table listeners_table(json::array rows) {
    return {{text_column("LISTENER", "name"), text_column("LISTEN", "listen"), text_column("PROFILE", "profile"),
             text_column("STATE", "state"), number_column("OPEN", "open"), number_column("CONNECTIONS", "connections")},
            std::move(rows),
            Shown::always,
            {}};
}

Table routes_table(json::array rows) {
    return {{text_column("LISTENER", "listener"),
             {"NAMES", [](const json::object& row) { return texts_at(row, "names"); }},
             {"SERVICE", service_of},
             {"TLS", tls_of},
             text_column("ADDRESS", "address"),
             Column{"ALPN", [](const json::object& row) { return texts_at(row, "alpn"); }, Column::Side::left, Shown::when_wide},
             text_column("PROXY PROTOCOL", "proxy_protocol").wide()},
            std::move(rows),
            Shown::always,
            {}};
}

Table acme_table(json::array rows) {
    return {{text_column("LISTENER", "listener"),
             {"CERTIFICATE OF", [](const json::object& row) { return texts_at(row, "names"); }},
             text_column("STATE", "state"),
             text_column("RENEWAL", "renewal")},
            std::move(rows),
            Shown::always,
            {}};
}

// True: none was added.
bool add_problem(const json::object& row, const std::string& whose, Lines& problems) {
    const auto problem = text_at(row, "problem");
    if (problem == "-") return true;
    problems.lines.push_back(whose + ": " + problem);
    return false;
}

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/edge");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto listeners = array_at(*answer, "listeners");
    Lines problems;
    std::int64_t well = 0;
    for (const auto& one : listeners)
        if (one.is_object()) {
            const auto& listener = one.get_object();
            bool is_well = add_problem(listener, text_at(listener, "name"), problems);
            for (const auto* const key : {"routes", "acme"})
                for (const auto& item : array_at(listener, key))
                    if (item.is_object())
                        is_well =
                            add_problem(item.get_object(),
                                        text_at(listener, "name") + ", " + texts_at(item.get_object(), "names"), problems) &&
                            is_well;
            well += is_well ? 1 : 0;
        }
    const auto count = static_cast<std::int64_t>(listeners.size());
    Page page;
    page.blocks = {listeners_table(listeners)};
    if (count > 0) page.blocks.emplace_back(routes_table(rows_of(listeners, "routes")));
    if (auto issued = rows_of(listeners, "acme"); !issued.empty()) page.blocks.emplace_back(acme_table(std::move(issued)));
    page.blocks.emplace_back(std::move(problems));
    page.verdict = count == 0 ? "this node has no listeners for clients from outside"
                              : fmt::format("{} of {} in order", well, counted(count, "listener"));
    page.exit = well == count ? ExitCode::done : ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_edge(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("edge", "Listeners for clients from outside of the mesh");
    noun->require_subcommand(1);
    auto* const listing = noun->add_subcommand(
        "list", "List listeners and which service each of their names goes to; exit 4 when one is not in order");
    listing->footer(
        "Examples:\n"
        "  meshctl edge list\n"
        "  meshctl edge list -o json | jq -r '.listeners[] | \"\\(.name) \\(.open)\"'");
    listing->callback([&program] { program.chosen = list; });
}

}  // namespace meshd::meshctl
