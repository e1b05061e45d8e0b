// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"
#include "http/message.hpp"

namespace meshd::meshctl {

namespace {

Table backends_table(json::array backends) {
    const auto port = [](const json::object& backend) { return text_at(backend, "port") + "/" + text_at(backend, "protocol"); };
    const auto endpoint = [](const json::object& backend) {
        return endpoint_text(text_at(backend, "address"), number_at(backend, "backend_port"));
    };
    return {{text_column("SERVICE", "service"),
             {"PORT", port},
             {"BACKEND", endpoint},
             number_column("WEIGHT", "weight"),
             {"STATE", backend_state_text},
             share_column("SHARE", "share"),
             number_column("CONNECTS", "connects"),
             number_column("OPEN", "open"),
             number_column("DATAGRAMS", "datagrams").wide(),
             number_column("CONNECT US", "connect_us").wide(),
             number_column("RESPONSE US", "response_us").wide(),
             share_column("FAILURES", "failures").wide(),
             number_column("ID", "id").wide(),
             text_column("PORT NAME", "port_name").wide(),
             text_column("LOCALITY", "locality").wide(),
             text_column("HEALTH", "health.state").wide(),
             text_column("SINCE", "since").wide(),
             text_column("UNTIL", "until").wide(),
             text_column("REASON", "reason")},
            std::move(backends),
            Shown::always,
            {}};
}

std::string verdict(const json::array& backends) {
    if (backends.empty()) return "no backends";
    std::map<std::string, std::int64_t> states;
    for (const auto& backend : backends)
        if (backend.is_object()) ++states[text_at(backend.get_object(), "state")];
    auto text = fmt::format("{}: {} ready, {} drain, {} maint", counted(static_cast<std::int64_t>(backends.size()), "backend"),
                            states["ready"], states["drain"], states["maint"]);
    for (const auto* const state : {"unhealthy", "ejected"})
        if (states[state] != 0) text += fmt::format(", {} {}", states[state], state);
    return text;
}

Result<Page> list(const Agent& agent, const std::string& service) {
    auto answer = agent.get("/v1/backends");
    if (!answer) return tl::make_unexpected(answer.error());
    if (!service.empty()) {
        json::array rows;
        for (const auto& backend : array_at(*answer, "backends"))
            if (backend.is_object() && text_at(backend.get_object(), "service") == service) rows.push_back(backend);
        // Nothing found: either the service has no backends, or there is no such service, which its own route tells.
        if (rows.empty()) {
            const auto known = agent.get("/v1/services/" + http::percent_encode(service));
            if (!known) return tl::make_unexpected(known.error());
        }
        (*answer)["backends"] = std::move(rows);
    }
    Page page;
    page.blocks = {backends_table(array_at(*answer, "backends"))};
    page.verdict = verdict(array_at(*answer, "backends"));
    page.value = std::move(*answer);
    return page;
}

}  // namespace

std::string backend_state_text(const json::object& backend) {
    const auto* const panic = backend.if_contains("in_panic");
    return text_at(backend, "state") + (panic != nullptr && panic->is_bool() && panic->get_bool() ? ", used" : "");
}

void add_backend(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("backend", "Backends of all services");
    noun->require_subcommand(1);
    auto* const verb = noun->add_subcommand("list", "List backends, one line for each port of a service that it serves");
    const auto service = std::make_shared<std::string>();
    verb->add_option("--service", *service, "Only those of this service")->type_name("NAME");
    verb->footer(
        "Examples:\n"
        "  meshctl backend list\n"
        "  meshctl backend list --service web -o wide\n"
        "  meshctl backend list -o wide    # with the reasons of probes\n"
        "  meshctl backend list -o json | jq -r '.backends[] | select(.state != \"ready\") | .address'");
    verb->callback([&program, service] { program.chosen = [service](const Agent& agent) { return list(agent, *service); }; });
    add_backend_states(*noun, program);
}

}  // namespace meshd::meshctl
