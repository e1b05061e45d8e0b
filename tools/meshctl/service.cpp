// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"
#include "http/message.hpp"

namespace meshd::meshctl {

namespace {

struct Backends {
    std::int64_t total = 0;
    std::int64_t usable = 0;
};

// A backend that stands in several ports counts once for each.
Backends count_backends(const json::object& service) {
    Backends count;
    for (const auto& port : array_at(service, "ports")) {
        if (!port.is_object()) continue;
        for (const auto& backend : array_at(port.get_object(), "backends")) {
            ++count.total;
            if (!backend.is_object() || text_at(backend.get_object(), "state") != "ready" ||
                number_at(backend.get_object(), "weight") == 0)
                continue;
            const bool is_out = text_at(backend.get_object(), "health.state") == "unhealthy";
            if (!is_out || text_at(port.get_object(), "panic") == "yes") ++count.usable;
        }
    }
    return count;
}

std::string backends_text(const json::object& service) {
    const auto count = count_backends(service);
    return fmt::format("{}/{}", count.usable, count.total);
}

std::string port_text(const json::object& port) { return text_at(port, "port") + "/" + text_at(port, "protocol"); }

std::string ports_text(const json::object& service) {
    json::array texts;
    for (const auto& port : array_at(service, "ports"))
        if (port.is_object()) texts.emplace_back(port_text(port.get_object()));
    return join(texts);
}

// As a registry file says it: a word, or {fionread: accept}.
std::string acceleration_text(const json::object& service) {
    const auto& terms = object_at(service, "acceleration");
    if (terms.empty()) return text_at(service, "acceleration");
    json::array texts;
    for (const auto& [key, value] : terms) texts.emplace_back(std::string(key) + ": " + text_at(terms, key));
    return "{" + join(texts) + "}";
}

// Of all ports together.
Column sum_column(std::string title, std::string member) {
    return {std::move(title),
            [member = std::move(member)](const json::object& service) {
                std::int64_t sum = 0;
                for (const auto& port : array_at(service, "ports"))
                    if (port.is_object()) sum += number_at(port.get_object(), member);
                return std::to_string(sum);
            },
            Column::Side::right};
}

Table services_table(const json::array& services) {
    return {{text_column("NAME", "name"),
             text_column("ADDRESSES", "addresses"),
             {"PORTS", ports_text},
             text_column("BALANCING", "balancing"),
             {"USABLE", backends_text, Column::Side::right},
             text_column("STATUS", "status"),
             text_column("NO BACKEND", "when_no_backend").wide(),
             Column{"ACCELERATION", acceleration_text}.wide(),
             sum_column("CONNECTS", "connects").wide(),
             sum_column("DATAGRAMS", "datagrams").wide(),
             sum_column("REFUSED", "refused").wide(),
             text_column("SOURCE", "source").wide(),
             text_column("WHY", "why").wide()},
            services,
            Shown::always,
            {}};
}

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/services");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto& services = array_at(*answer, "services");
    const auto pending = std::count_if(services.begin(), services.end(), [](const json::value& service) {
        return service.is_object() && text_at(service.get_object(), "status") == "pending";
    });
    Page page;
    page.blocks = {services_table(services)};
    page.verdict = services.empty()
                       ? "no services; put a file with some into the registry's directory"
                       : fmt::format("{}: {} applied, {} pending", counted(static_cast<std::int64_t>(services.size()), "service"),
                                     static_cast<std::int64_t>(services.size()) - pending, pending);
    page.value = std::move(*answer);
    return page;
}

std::string forwarding_text(const json::object& service) {
    auto text = text_at(service, "forward");
    if (const auto affinity = number_at(service, "affinity_s"); affinity != 0)
        text += fmt::format(", clients keep their backend for {}", seconds_at(service, "affinity_s"));
    for (const auto& port : array_at(service, "ports"))
        if (port.is_object() && number_at(port.get_object(), "node_port") != 0)
            text += fmt::format(", node port {}/{}", number_at(port.get_object(), "node_port"),
                                text_at(port.get_object(), "protocol"));
    return text;
}

std::string encryption_text(const json::object& service) {
    const auto& tls = object_at(service, "tls");
    if (tls.empty() || text_at(tls, "mode") == "off") return "off";
    if (text_at(tls, "mode") == "originate") {
        const auto name = text_at(tls, "server_name");
        return fmt::format("TLS {} or later to backends outside of the mesh, for {}, by {}", text_at(tls, "min_version"),
                           name == "-" ? "their addresses" : name,
                           text_at(tls, "credentials") == "-" ? "the authorities of the system"
                                                              : "the credentials " + text_at(tls, "credentials"));
    }
    return fmt::format("{} TLS between hosts, clear text {}{}", text_at(tls, "mode"),
                       text_at(tls, "accept") == "strict" ? "refused" : "accepted",
                       text_at(tls, "same_node") == "encrypt" ? ", within one host too" : "");
}

Table port_table(const json::object& port) {
    auto title = "Port " + port_text(port);
    if (const auto name = text_at(port, "name"); name != "-") title += " (" + name + ")";
    title += fmt::format(": {}, {}, {} refused", counted(number_at(port, "connects"), "connect"),
                         counted(number_at(port, "datagrams"), "datagram"), number_at(port, "refused"));
    if (text_at(port, "panic") == "yes") title += "; too few are healthy, so all ready ones are used";
    const auto endpoint = [](const json::object& backend) {
        return endpoint_text(text_at(backend, "address"), number_at(backend, "port"));
    };
    return {{{"BACKEND", endpoint},
             number_column("WEIGHT", "weight"),
             text_column("STATE", "state"),
             text_column("HEALTH", "health.state"),
             share_column("SHARE", "share"),
             number_column("CONNECTS", "connects"),
             number_column("DATAGRAMS", "datagrams").wide(),
             number_column("ID", "id").wide(),
             text_column("LOCALITY", "locality").wide(),
             text_column("REASON", "health.reason").wide()},
            array_at(port, "backends"),
            Shown::always,
            std::move(title)};
}

std::string service_ids(const json::object& service) {
    json::array ids;
    for (const auto& port : array_at(service, "ports"))
        if (port.is_object()) ids.emplace_back(text_at(port.get_object(), "id"));
    return join(ids);
}

Result<Page> show(const Agent& agent, const std::string& name) {
    auto answer = agent.get("/v1/services/" + http::percent_encode(name));
    if (!answer) return tl::make_unexpected(answer.error());
    const auto service = object_at(*answer, "service");
    auto status = text_at(service, "status");
    if (const auto why = text_at(service, "why"); why != "-") status += ": " + why;

    Page page;
    page.blocks.emplace_back(Facts{{{"Name", text_at(service, "name")},
                                    {"Status", status},
                                    {"Addresses", text_at(service, "addresses")},
                                    {"Ports", ports_text(service)},
                                    {"Balancing", text_at(service, "balancing")},
                                    {"No backend", text_at(service, "when_no_backend")},
                                    {"Acceleration", acceleration_text(service)},
                                    {"Forwarding", forwarding_text(service)},
                                    {"Encryption", encryption_text(service)},
                                    {"Source", text_at(service, "source")},
                                    {"Ids", service_ids(service), Shown::when_wide}}});
    for (const auto& port : array_at(service, "ports"))
        if (port.is_object()) page.blocks.emplace_back(port_table(port.get_object()));
    const auto count = count_backends(service);
    const auto* const error = text_at(service, "when_no_backend") == "unreachable" ? "EHOSTUNREACH" : "ECONNREFUSED";
    page.verdict = count.usable == 0 ? fmt::format("no backend takes new connections: they fail with {}", error)
                                     : fmt::format("{} of {} new connections", count.usable,
                                                   counted(count.total, "backend takes", "backends take"));
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_service(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("service", "Services and what stands behind them");
    noun->require_subcommand(1);

    auto* const list_verb = noun->add_subcommand("list", "List all services");
    list_verb->footer(
        "Examples:\n"
        "  meshctl service list\n"
        "  meshctl service list -o json | jq -r '.services[] | select(.status == \"pending\") | .name'");
    list_verb->callback([&program] { program.chosen = list; });

    auto* const show_verb = noun->add_subcommand("show", "Show one service with its backends");
    const auto name = std::make_shared<std::string>();
    show_verb->add_option("NAME", *name, "The service's name")->required();
    show_verb->footer(
        "Examples:\n"
        "  meshctl service show web\n"
        "  meshctl service show shop/web -o wide");
    show_verb->callback([&program, name] { program.chosen = [name](const Agent& agent) { return show(agent, *name); }; });
}

}  // namespace meshd::meshctl
