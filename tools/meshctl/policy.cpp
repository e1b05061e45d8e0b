// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"
#include "http/message.hpp"

namespace meshd::meshctl {

namespace {

struct Question {
    std::string from;
    std::string to;
    std::string port;
    std::string protocol;
};

std::string from_of(const json::object& rule) {
    const auto& from = object_at(rule, "from");
    if (from.contains("workload")) return text_at(from, "workload");
    if (from.contains("identity")) return text_at(from, "identity");
    return from.contains("cidr") ? text_at(from, "cidr") : "any";
}

std::string to_of(const json::object& rule) {
    const auto& to = object_at(rule, "to");
    std::string text = to.contains("service") ? "service " + text_at(to, "service")
                       : to.contains("cidr")  ? text_at(to, "cidr")
                                              : "any";
    if (to.contains("port")) text += " port " + text_at(to, "port");
    if (to.contains("protocol")) text += (to.contains("port") ? "/" : " ") + text_at(to, "protocol");
    return text;
}

std::vector<Column> rule_columns() {
    return {text_column("RULE", "name"), text_column("ACTION", "action"), {"FROM", from_of}, {"TO", to_of}};
}

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/policy");
    if (!answer) return tl::make_unexpected(answer.error());
    auto columns = rule_columns();
    columns.push_back(number_column("ALLOWED", "hits.allowed"));
    columns.push_back(number_column("DENIED", "hits.denied"));
    columns.push_back(number_column("AUDITED", "hits.audited"));
    columns.push_back(text_column("NOTE", "note"));
    columns.push_back(text_column("SOURCE", "source").wide());
    Page page;
    page.blocks = {Facts{{{"Default", text_at(*answer, "default")},
                          {"Mode", text_at(*answer, "mode")},
                          {"Refused", text_at(*answer, "refused")},
                          {"Generation", text_at(*answer, "generation"), Shown::when_wide}}},
                   Table{std::move(columns), array_at(*answer, "rules"), Shown::always, {}}};
    const auto& hits = object_at(*answer, "default_hits");
    page.verdict = fmt::format("the default decided: {} allowed, {} denied, {} audited", text_at(hits, "allowed"),
                               text_at(hits, "denied"), text_at(hits, "audited"));
    if (text_at(*answer, "refused") != "-") page.exit = ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

std::string source_text(const json::object& answer) {
    const auto& from = object_at(answer, "from");
    if (from.contains("identity")) return text_at(from, "identity");
    std::string text = text_at(from, "workload");
    if (text == "-") text.clear();
    for (const auto& address : array_at(from, "addresses")) text += (text.empty() ? "" : ", ") + std::string(address.as_string());
    return text.empty() ? "any" : text;
}

Result<Page> check(const Agent& agent, const Question& question) {
    auto target = "/v1/policy/check?from=" + http::percent_encode(question.from) + "&to=" + http::percent_encode(question.to);
    if (!question.port.empty()) target += "&port=" + question.port;
    if (!question.protocol.empty()) target += "&protocol=" + question.protocol;
    auto answer = agent.get(target);
    if (!answer) return tl::make_unexpected(answer.error());
    auto columns = rule_columns();
    columns.push_back(text_column("COMES AFTER, FOR THE WINNER", "why"));
    const auto& rule = object_at(*answer, "rule");
    const auto& to = object_at(*answer, "to");
    const bool passes = answer->at("passes").as_bool();
    Page page;
    page.blocks = {Facts{{{"From", source_text(*answer)},
                          {"To", text_at(to, "address") + "/" + text_at(to, "protocol")},
                          {"Service", text_at(to, "service")},
                          {"Verdict", text_at(*answer, "verdict")},
                          {"Rule", rule.empty() ? "none" : text_at(rule, "name")},
                          {"Of", rule.empty() ? "-" : text_at(rule, "source")},
                          {"Kernel says", text_at(*answer, "kernel")}}},
                   Table{std::move(columns), array_at(*answer, "others"), Shown::always, {}}};
    page.verdict = text_at(*answer, "why");
    if (answer->at("audit").as_bool() && text_at(*answer, "verdict") == "deny")
        page.verdict += "; it passes, for the mode is audit";
    if (!passes) page.exit = ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

}  // namespace

void add_policy(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("policy", "Who may connect to whom");
    noun->require_subcommand(1);
    auto* const listing = noun->add_subcommand("list", "Rules in the order in which they decide, and how often each did");
    listing->footer("Examples:\n  meshctl policy list\n  meshctl policy list -o wide");
    listing->callback([&program] { program.chosen = [](const Agent& agent) { return list(agent); }; });

    auto* const checking =
        noun->add_subcommand("check", "What the policy says to one connection, and why; exit 4 when it is denied");
    const auto question = std::make_shared<Question>();
    checking
        ->add_option("FROM", question->from,
                     "An address, a cgroup below the mount of cgroup v2, any: a process of this node, or whom another host's "
                     "certificate names")
        ->type_name("ADDRESS|/CGROUP|any|spiffe://ID")
        ->required();
    checking->add_option("TO", question->to, "A service, or an address")->type_name("SERVICE|ADDRESS[:PORT]")->required();
    checking->add_option("--port", question->port, "The port; of a service without it: its first")
        ->type_name("PORT")
        ->check(CLI::Range(1, 65535));
    checking->add_option("--protocol", question->protocol, "tcp, as without it, or udp")
        ->type_name("NAME")
        ->check(CLI::IsMember({"tcp", "udp"}));
    checking->footer(
        "Examples:\n"
        "  meshctl policy check /shop.slice/web.service shop/db\n"
        "  meshctl policy check any 192.0.2.7:443\n"
        "  meshctl policy check 10.1.2.3 dns --port 53 --protocol udp\n"
        "  meshctl policy check spiffe://example.org/shop/web shop/db");
    checking->callback(
        [&program, question] { program.chosen = [question](const Agent& agent) { return check(agent, *question); }; });
}

}  // namespace meshd::meshctl
