// SPDX-License-Identifier: Apache-2.0
// A person's word about one backend.
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/address.hpp"
#include "command.hpp"
#include "http/message.hpp"
#include "model/service.hpp"

namespace meshd::meshctl {

namespace {

struct Word {
    std::string service, backend;  // from "SERVICE/ADDRESS:PORT"
    std::string state;
    std::optional<std::int64_t> seconds;
};

// A service's name may have slashes, an address has none.
bool split(const std::string& text, std::string& service, std::string& backend) {
    const auto slash = text.rfind('/');
    if (slash == std::string::npos) return false;
    service = text.substr(0, slash);
    backend = text.substr(slash + 1);
    const auto endpoint = base::SocketAddress::parse(backend);
    return model::is_service_name(service) && endpoint && endpoint->port != 0;
}

std::string check_backend(const std::string& text) {
    std::string service;
    std::string backend;
    return split(text, service, backend) ? "" : "'" + text + "' is no backend such as web/10.0.0.1:8080 or web/[fd00::1]:8080";
}

Table states_table(const json::array& backends) {
    const auto port = [](const json::object& backend) { return text_at(backend, "port") + "/" + text_at(backend, "protocol"); };
    return {{text_column("SERVICE", "service"),
             {"PORT", port},
             text_column("STATE", "state"),
             text_column("REASON", "reason"),
             text_column("UNTIL", "until")},
            backends,
            Shown::always,
            {}};
}

Page states_page(json::object answer, std::string verdict) {
    Page page;
    page.blocks = {states_table(array_at(answer, "backends"))};
    page.verdict = std::move(verdict);
    page.value = std::move(answer);
    return page;
}

Result<Page> set(const Agent& agent, const Word& word) {
    json::object body{{"service", word.service}, {"backend", word.backend}, {"state", word.state}};
    if (word.seconds) body["for_s"] = *word.seconds;
    auto answer = agent.put("/v1/backend-state", body);
    if (!answer) return tl::make_unexpected(answer.error());
    return states_page(std::move(*answer),
                       fmt::format("{} of {} is set to {} {}", word.backend, word.service, word.state,
                                   word.seconds ? fmt::format("for {} s", *word.seconds) : "until it is reset"));
}

Result<Page> reset(const Agent& agent, const Word& word) {
    auto answer = agent.remove("/v1/backend-state?service=" + http::percent_encode(word.service) +
                               "&backend=" + http::percent_encode(word.backend));
    if (!answer) return tl::make_unexpected(answer.error());
    return states_page(std::move(*answer), fmt::format("{} of {} is again as the registry says", word.backend, word.service));
}

CLI::App* add_verb(CLI::App& noun, const std::string& name, const std::string& help, const std::shared_ptr<Word>& word) {
    auto* const verb = noun.add_subcommand(name, help);
    verb->add_option_function<std::string>(
            "BACKEND", [word](const std::string& text) { split(text, word->service, word->backend); }, "The backend")
        ->type_name("SERVICE/ADDRESS:PORT")
        ->required()
        ->check(CLI::Validator(check_backend, ""));
    return verb;
}

}  // namespace

void add_backend_states(CLI::App& noun, Program& program) {
    const auto add = [&](const std::string& state, const std::string& help, const std::string& more) {
        const auto word = std::make_shared<Word>();
        word->state = state;
        auto* const verb = add_verb(noun, state, help, word);
        verb->add_option("--for", word->seconds, "Only for so long; without it until it is reset")
            ->type_name("TIME")
            ->transform(CLI::Validator(to_seconds, ""));
        verb->footer(more + "\n\nExamples:\n  sudo meshctl backend " + state + " web/10.0.0.1:8080\n  sudo meshctl backend " +
                     state + " web/10.0.0.1:8080 --for 10m");
        verb->callback([&program, word] { program.chosen = [word](const Agent& agent) { return set(agent, *word); }; });
    };
    add("drain", "Give a backend no new connections, keep those it has (root only)",
        "Holds on each port of the service, over restarts of the agent, and above what the registry says.");
    add("maint", "Take a backend out of service (root only)",
        "Holds on each port of the service, over restarts of the agent, and above what the registry says.");
    add("ready", "Take back what the registry says against a backend, and end an ejection (root only)",
        "A backend that its probes or its registry find unhealthy stays so.");

    const auto word = std::make_shared<Word>();
    auto* const verb = add_verb(noun, "reset", "Let the registry say again how a backend stands (root only)", word);
    verb->footer("Examples:\n  sudo meshctl backend reset web/10.0.0.1:8080");
    verb->callback([&program, word] { program.chosen = [word](const Agent& agent) { return reset(agent, *word); }; });
}

}  // namespace meshd::meshctl
