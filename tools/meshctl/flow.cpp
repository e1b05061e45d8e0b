// SPDX-License-Identifier: Apache-2.0
// Flows, and the translated connections among them.
#include <charconv>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/address.hpp"
#include "command.hpp"
#include "http/message.hpp"
#include "service_filter.hpp"

namespace meshd::meshctl {

namespace {

constexpr std::int64_t most_flows = 10000;

struct Wanted {
    std::string service, backend, address, state, source, sort;
    std::optional<std::int64_t> min_age_s, top;
};

// "?service=web&limit=10"; empty when nothing is wanted.
std::string query_of(const Wanted& wanted) {
    std::string query;
    const auto add = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) query.append(query.empty() ? "?" : "&").append(name).append("=").append(http::percent_encode(value));
    };
    add("service", wanted.service);
    add("backend", wanted.backend);
    add("address", wanted.address);
    add("state", wanted.state);
    add("source", wanted.source);
    if (wanted.min_age_s) add("min_age", std::to_string(*wanted.min_age_s));
    add("sort", wanted.sort);
    if (wanted.top) add("limit", std::to_string(*wanted.top));
    return query;
}

std::string age_text(const json::object& row) {
    return seconds_at({{"age", static_cast<double>(number_at(row, "age_ms")) / 1000}}, "age");
}

Column bytes_column(std::string title, std::string way) {
    return {std::move(title),
            [way = std::move(way)](const json::object& row) {
                return bytes_text(static_cast<double>(number_at(row, "bytes_" + way) + number_at(row, "short_" + way)));
            },
            Column::Side::right};
}

Column short_column(std::string title, std::string member) {
    return {std::move(title), [member = std::move(member)](const json::object& row) { return bytes_at(row, member); },
            Column::Side::right};
}

// What was not measured is 0 in the answer.
Column time_column(std::string title, std::string member) {
    return {std::move(title),
            [member = std::move(member)](const json::object& row) {
                return number_at(row, member) == 0 ? "-" : microseconds_at(row, member);
            },
            Column::Side::right};
}

Table flows_table(const json::array& flows) {
    return {{text_column("CLIENT", "client"),
             text_column("SERVER", "server"),
             text_column("SERVICE", "service"),
             text_column("STATE", "state"),
             {"AGE", age_text, Column::Side::right},
             bytes_column("OUT", "out"),
             bytes_column("IN", "in"),
             time_column("RTT", "rtt_us"),
             number_column("RETRANS", "retransmits"),
             text_column("SOURCE", "source"),
             text_column("PROTOCOL", "protocol").wide(),
             text_column("ASKED FOR", "asked").wide(),
             short_column("SHORT OUT", "short_out").wide(),
             short_column("SHORT IN", "short_in").wide(),
             time_column("CONNECT", "connect_us").wide(),
             time_column("MIN RTT", "min_rtt_us").wide(),
             time_column("RESPONSE", "response_us").wide(),
             number_column("PACKETS OUT", "packets_out").wide(),
             number_column("PACKETS IN", "packets_in").wide(),
             text_column("DEVICE", "device").wide(),
             text_column("POD", "pod").wide(),
             text_column("CGROUP", "cgroup").wide()},
            flows,
            Shown::always,
            {}};
}

Result<Page> show_flows(const Agent& agent, const Wanted& wanted, std::string_view what) {
    auto answer = agent.get("/v1/flows" + query_of(wanted));
    if (!answer) return tl::make_unexpected(answer.error());
    const auto& flows = array_at(*answer, "flows");
    const auto matched = number_at(*answer, "matched");
    const auto shown = static_cast<std::int64_t>(flows.size());
    // Nothing found: there may be no service of that name, which its own route tells.
    if (matched == 0)
        if (const auto known = check_known(agent, wanted.service); !known) return tl::make_unexpected(known.error());
    Page page;
    page.blocks = {flows_table(flows)};
    page.verdict = matched == 0 ? fmt::format("no {}s", what)
                   : shown == matched
                       ? counted(matched, what)
                       : fmt::format("{} of {} shown; --top shows more, other options choose", shown, counted(matched, what));
    page.value = std::move(*answer);
    return page;
}

// "opened  10.0.0.1:4242 -> 10.0.0.2:80  web  …", in one line.
std::string event_line(const json::object& event) {
    const auto what = text_at(event, "event");
    auto line = fmt::format("{:<8}{} -> {}", what, text_at(event, "client"), text_at(event, "server"));
    if (const auto service = text_at(event, "service"); service != "-") line += "  " + service;
    if (what == "opened" && number_at(event, "connect_us") != 0) line += "  connected in " + microseconds_at(event, "connect_us");
    if (what == "ended") {
        const auto sum = [&](const std::string& way) {
            return bytes_text(static_cast<double>(number_at(event, "bytes_" + way) + number_at(event, "short_" + way)));
        };
        line += fmt::format("  {} after {}, {} out, {} in", text_at(event, "state"), age_text(event), sum("out"), sum("in"));
        if (const auto count = number_at(event, "retransmits"); count > 0) line += ", " + counted(count, "retransmit");
        if (const auto reason = text_at(event, "reason"); reason != "-") line += "  " + reason;
    }
    if (what == "refused") line += "  " + text_at(event, "reason");
    if (const auto pod = text_at(event, "pod"); pod != "-")
        line += "  pod " + pod;
    else if (const auto cgroup = text_at(event, "cgroup"); cgroup != "-")
        line += "  " + cgroup;
    return line;
}

Result<Page> flush(const Agent& agent, const Wanted& wanted) {
    auto answer = agent.remove("/v1/connections" + query_of(wanted));
    if (!answer) return tl::make_unexpected(answer.error());
    Page page;
    page.verdict = counted(number_at(*answer, "flushed"), "connection") + " forgotten: the next packet of each is a first one";
    page.value = std::move(*answer);
    return page;
}

std::string check_address(const std::string& text) {
    if (base::IpAddress::parse(text) || base::SocketAddress::parse(text)) return "";
    return "'" + text + "' is no address such as 10.0.0.1, 10.0.0.1:80 or [fd00::1]:80";
}

void add_address_options(CLI::App& verb, Wanted& wanted) {
    verb.add_option("--backend", wanted.backend, "Only those to this backend")
        ->type_name("ADDRESS[:PORT]")
        ->check(CLI::Validator(check_address, ""));
    verb.add_option("--address", wanted.address, "Only those with this address at an end, or asked for")
        ->type_name("ADDRESS[:PORT]")
        ->check(CLI::Validator(check_address, ""));
}

void add_list_options(CLI::App& verb, Wanted& wanted) {
    add_service_option(verb, wanted.service);
    add_address_options(verb, wanted);
    verb.add_option("--state", wanted.state, "Only those in this state")
        ->type_name("STATE")
        ->check(CLI::IsMember({"opening", "established", "closing", "closed", "reset", "failed"}));
    verb.add_option("--min-age", wanted.min_age_s, "Only those that are at least so old")
        ->type_name("TIME")
        ->transform(CLI::Validator(to_seconds, ""));
    verb.add_option("--sort", wanted.sort, "What comes first: the youngest (age), or the most of something else (age)")
        ->type_name("WHAT")
        ->check(CLI::IsMember({"age", "bytes", "rtt", "retransmits", "connect", "response"}));
    verb.add_option("--top", wanted.top, "Show so many (100)")
        ->type_name("COUNT")
        ->check(CLI::Range(std::int64_t{1}, most_flows));
}

}  // namespace

void add_flow(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("flow", "Connections that this host knows of");
    noun->require_subcommand(1);

    auto* const list_verb = noun->add_subcommand("list", "List flows");
    const auto wanted = std::make_shared<Wanted>();
    add_list_options(*list_verb, *wanted);
    list_verb
        ->add_option("--source", wanted->source, "Only those that a client's or a server's socket, a device or forwarding knows")
        ->type_name("SOURCE")
        ->check(CLI::IsMember({"client", "server", "device", "forwarding"}));
    list_verb->footer(
        "Examples:\n"
        "  meshctl flow list --service web\n"
        "  meshctl flow list --sort bytes --top 10 -o wide\n"
        "  meshctl flow list --state failed\n"
        "  meshctl flow list --min-age 1h --address 10.0.0.7 -o json");
    list_verb->callback(
        [&program, wanted] { program.chosen = [wanted](const Agent& agent) { return show_flows(agent, *wanted, "flow"); }; });

    auto* const watch_verb = noun->add_subcommand("watch", "Show flows as they open, end and are refused, until interrupted");
    const auto service = std::make_shared<std::string>();
    add_service_option(*watch_verb, *service);
    watch_verb->footer(
        "Examples:\n"
        "  meshctl flow watch\n"
        "  meshctl flow watch --service web -o json | jq -c 'select(.event == \"ended\")'");
    watch_verb->callback([&program, service] {
        program.running = [service](const Agent& agent, Output& output) {
            return watch_events(agent, "/v1/flows/watch", *service, event_line, output);
        };
    });
}

void add_connection(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("connection", "Connections that are forwarded with translated addresses");
    noun->require_subcommand(1);

    auto* const list_verb = noun->add_subcommand("list", "List translated connections");
    const auto wanted = std::make_shared<Wanted>();
    wanted->source = "forwarding";
    add_list_options(*list_verb, *wanted);
    list_verb->footer(
        "Examples:\n"
        "  meshctl connection list --service web\n"
        "  meshctl connection list --backend 10.0.0.7 --sort bytes -o wide");
    list_verb->callback([&program, wanted] {
        program.chosen = [wanted](const Agent& agent) { return show_flows(agent, *wanted, "connection"); };
    });

    auto* const flush_verb = noun->add_subcommand("flush", "Forget translated connections (root only)");
    const auto flushed = std::make_shared<Wanted>();
    add_service_option(*flush_verb, flushed->service);
    add_address_options(*flush_verb, *flushed);
    flush_verb->require_option(1, 0);
    flush_verb->footer(
        "The next packet of such a connection is treated as a first one: it goes to the backend that its service would give it "
        "now.\n\n"
        "Examples:\n"
        "  sudo meshctl connection flush --service dns\n"
        "  sudo meshctl connection flush --backend 10.0.0.7");
    flush_verb->callback(
        [&program, flushed] { program.chosen = [flushed](const Agent& agent) { return flush(agent, *flushed); }; });
}

}  // namespace meshd::meshctl
