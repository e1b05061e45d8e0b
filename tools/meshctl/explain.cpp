// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/address.hpp"
#include "command.hpp"
#include "http/message.hpp"

namespace meshd::meshctl {

namespace {

struct Question {
    std::string destination;
    std::string from;
    std::string protocol = "tcp";
};

std::string endpoint(const json::object& backend) {
    return endpoint_text(text_at(backend, "address"), number_at(backend, "port"));
}

std::string service_text(const json::object& answer) {
    auto text = text_at(answer, "service");
    if (text == "-") return "none";
    if (const auto port = text_at(answer, "port_name"); port != "-") text += ", port " + port;
    return text + ", id " + text_at(answer, "service_id");
}

std::string chosen_text(const json::object& answer) {
    const auto& chosen = object_at(answer, "chosen");
    return chosen.empty() ? "-" : fmt::format("{}, id {}", endpoint(chosen), text_at(chosen, "id"));
}

Table candidates_table(const json::object& answer) {
    return {{{"BACKEND", endpoint},
             number_column("WEIGHT", "weight"),
             {"STATE", backend_state_text},
             text_column("HEALTH", "health.state").wide(),
             text_column("CANDIDATE", "candidate"),
             share_column("SHARE", "share"),
             number_column("OPEN", "open"),
             number_column("SCORE", "score"),
             text_column("NEAR", "near").wide(),
             text_column("WHY", "why"),
             text_column("SINCE", "since").wide(),
             number_column("ID", "id").wide(),
             number_column("SLOTS", "slots").wide()},
            array_at(answer, "candidates"),
            Shown::always,
            {}};
}

Result<Page> explain(const Agent& agent, const Question& question) {
    auto target = "/v1/explain?destination=" + http::percent_encode(question.destination) + "&protocol=" + question.protocol;
    if (!question.from.empty()) target += "&from=" + http::percent_encode(question.from);
    auto answer = agent.get(target);
    if (!answer) return tl::make_unexpected(answer.error());

    Facts facts{{{"Destination", text_at(*answer, "destination") + "/" + text_at(*answer, "protocol")},
                 {"Service", service_text(*answer)},
                 {"Source", text_at(*answer, "source")},
                 {"Balancing", text_at(*answer, "balancing")},
                 {"Outcome", text_at(*answer, "outcome")},
                 {"Error", text_at(*answer, "error")},
                 {"Chosen now", chosen_text(*answer)}}};
    if (const auto* const encrypted = answer->if_contains("encrypted"); encrypted != nullptr && *encrypted == true)
        facts.facts.push_back({"Encrypted", "yes, by the worker"});
    Page page;
    page.blocks = {std::move(facts), candidates_table(*answer)};
    page.verdict = text_at(*answer, "why");
    const bool is_service = text_at(*answer, "service") != "-";
    if (is_service && object_at(*answer, "chosen").empty()) page.exit = ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

std::string check_destination(const std::string& text) {
    const auto endpoint = base::SocketAddress::parse(text);
    return endpoint && endpoint->port != 0 ? "" : "'" + text + "' is no address and port such as 10.96.0.10:80 or [fd00::10]:80";
}

std::string check_address(const std::string& text) {
    return base::IpAddress::parse(text) ? "" : "'" + text + "' is no IP address";
}

}  // namespace

void add_explain(CLI::App& app, Program& program) {
    auto* const command = app.add_subcommand("explain", "Which backend a connection would be given, and why; exit 4 when none");
    const auto question = std::make_shared<Question>();
    command->add_option("DESTINATION", question->destination, "Where the application connects to")
        ->type_name("ADDRESS:PORT")
        ->required()
        ->check(CLI::Validator(check_destination, ""));
    command->add_option("--from", question->from, "The address that the application's socket is bound to")
        ->type_name("ADDRESS")
        ->check(CLI::Validator(check_address, ""));
    command->add_option("--protocol", question->protocol, "tcp, as without it, or udp")
        ->type_name("NAME")
        ->check(CLI::IsMember({"tcp", "udp"}));
    command->footer(
        "The answer comes from the same program and the same maps that connections use; the backend that is shown as chosen is "
        "one\n"
        "draw, the next one may be another.\n\n"
        "Examples:\n"
        "  meshctl explain 10.96.0.10:80\n"
        "  meshctl explain [fd00::10]:53 --protocol udp\n"
        "  meshctl explain 10.96.0.10:80 --from 192.0.2.7 -o json");
    command->callback(
        [&program, question] { program.chosen = [question](const Agent& agent) { return explain(agent, *question); }; });
}

}  // namespace meshd::meshctl
