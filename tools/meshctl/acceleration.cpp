// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.hpp"
#include "http/message.hpp"
#include "service_filter.hpp"

namespace meshd::meshctl {

namespace {

// What the words of the answer mean to somebody who has not read how the short way works.
struct Meaning {
    std::string_view member;
    std::string_view word;
    std::string_view text;
};
constexpr std::array<Meaning, 11> meanings{{
    {"mode", "on", "connections between sockets of this host may take the short way"},
    {"mode", "named", "only services that the configuration names may take the short way"},
    {"mode", "off", "every byte goes by TCP"},
    {"fionread", "both", "right for bytes of either way"},
    {"fionread", "redirected", "right only for bytes of the short way"},
    {"fionread", "tcp", "right only for bytes that came by TCP"},
    {"fionread", "none", "wrong for bytes of either way"},
    {"accounting", "charged", "the kernel charges waiting bytes to their reader"},
    {"accounting", "counted", "programs count what was sent and what was read"},
    {"leaving", "returns", "when its reader has caught up, a connection takes the short way again"},
    {"leaving", "for_good", "a connection whose reader fell behind stays with TCP"},
}};

// "both: right for bytes of either way"
std::string explained(const json::object& answer, std::string_view member) {
    auto word = text_at(answer, member);
    for (const auto& meaning : meanings)
        if (meaning.member == member && meaning.word == word) return word + ": " + std::string(meaning.text);
    return word;
}

std::string check_verdict(const json::object& check) { return is_true(check, "passed") ? "passed" : "failed"; }

json::array failed_checks(const json::array& checks) {
    json::array names;
    for (const auto& check : checks)
        if (!check.is_object() || !is_true(check.get_object(), "passed"))
            names.emplace_back(check.is_object() ? text_at(check.get_object(), "name") : "-");
    return names;
}

std::string passed_text(const json::array& checks) {
    const auto failed = failed_checks(checks);
    auto text =
        fmt::format("{} of {} passed", checks.size() - failed.size(), counted(static_cast<std::int64_t>(checks.size()), "check"));
    if (!failed.empty()) text += " (failed: " + join(failed) + ")";
    return text;
}

std::string selftest_text(const json::object& selftest) {
    if (selftest.empty()) return "-";
    return fmt::format("{}, at {} in {} ms", passed_text(array_at(selftest, "checks")), text_at(selftest, "at"),
                       text_at(selftest, "duration_ms"));
}

Table checks_table(const json::object& answer, Shown shown) {
    return {{text_column("CHECK", "name"),
             {"VERDICT", check_verdict},
             text_column("EXPECTED", "expected"),
             text_column("SEEN", "seen")},
            array_at(answer, "selftest.checks"),
            shown,
            {}};
}

std::string until_text(const std::string& until) { return until == "-" ? "until it is resumed" : "until " + until; }

std::string paused_text(const json::object& answer) {
    const auto until = text_at(answer, "paused_until");
    return is_true(answer, "paused") || until != "-" ? until_text(until) : "no";
}

std::string excluded_text(const json::object& answer) {
    json::array texts;
    for (const auto& exclusion : array_at(answer, "exclude"))
        if (exclusion.is_object())
            texts.emplace_back(text_at(exclusion.get_object(), "kind") + " " + text_at(exclusion.get_object(), "text"));
    return join(texts);
}

Facts facts(const json::object& answer) {
    return {{{"Mode", text_at(answer, "mode")},
             {"Wanted", text_at(answer, "wanted")},
             {"Reason", text_at(answer, "reason")},
             {"Remedy", text_at(answer, "remedy")},
             {"Kernel", text_at(answer, "kernel")},
             {"Paused", paused_text(answer)},
             {"Default", text_at(answer, "default")},
             {"Excluded", excluded_text(answer)},
             {"Connections", text_at(answer, "connections")},
             {"Memory budget", bytes_at(answer, "memory_budget_bytes")},
             {"Self-test", selftest_text(object_at(answer, "selftest"))},
             {"FIONREAD", explained(answer, "fionread"), Shown::when_wide},
             {"Accounting", explained(answer, "accounting"), Shown::when_wide},
             {"Leaving", explained(answer, "leaving"), Shown::when_wide}}};
}

Result<Page> status(const Agent& agent) {
    auto answer = agent.get("/v1/acceleration");
    if (!answer) return tl::make_unexpected(answer.error());
    Page page;
    page.blocks = {facts(*answer), checks_table(*answer, Shown::when_wide)};
    const auto paused = paused_text(*answer);
    page.verdict = paused == "no" ? explained(*answer, "mode") : "paused " + paused + ": every byte goes by TCP";
    page.value = std::move(*answer);
    return page;
}

Result<Page> selftest(const Agent& agent) {
    auto answer = agent.post("/v1/acceleration/selftest", {});
    if (!answer) return tl::make_unexpected(answer.error());
    const auto& checks = array_at(*answer, "selftest.checks");
    Page page;
    page.blocks = {checks_table(*answer, Shown::always)};
    page.verdict = fmt::format("{} in {} ms; the mode is {}", passed_text(checks), text_at(*answer, "selftest.duration_ms"),
                               text_at(*answer, "mode"));
    // A test that has checked nothing has shown nothing.
    if (checks.empty() || !failed_checks(checks).empty()) page.exit = ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

struct Pause {
    std::string service;
    std::optional<std::int64_t> seconds;
};

Result<Page> pause(const Agent& agent, const Pause& wanted) {
    json::object body;
    if (!wanted.service.empty()) body["service"] = wanted.service;
    if (wanted.seconds) body["for_s"] = *wanted.seconds;
    auto answer = agent.post("/v1/acceleration/pause", body);
    if (!answer) return tl::make_unexpected(answer.error());
    const auto service = text_at(*answer, "paused");
    Page page;
    page.verdict = fmt::format("{} paused {}: connections stay, every byte goes by TCP",
                               service == "-" ? "the whole node is" : service + " is", until_text(text_at(*answer, "until")));
    page.value = std::move(*answer);
    return page;
}

Result<Page> resume(const Agent& agent, const std::string& service) {
    json::object body;
    if (!service.empty()) body["service"] = service;
    auto answer = agent.post("/v1/acceleration/resume", body);
    if (!answer) return tl::make_unexpected(answer.error());
    const auto resumed = text_at(*answer, "resumed");
    Page page;
    page.verdict = resumed == "-" ? "every pause has ended" : "the pause of " + resumed + " has ended";
    page.value = std::move(*answer);
    return page;
}

std::string short_share(const json::object& row) {
    const auto short_way = static_cast<double>(number_at(row, "bytes_short"));
    const auto total = short_way + static_cast<double>(number_at(row, "bytes_tcp"));
    return total > 0 ? fmt::format("{:.1f} %", 100.0 * short_way / total) : "-";
}

// "backlog 12, order 3": what counted most first, what did not count left out.
std::string why_text(const json::object& row) {
    std::vector<std::pair<std::int64_t, std::string>> reasons;
    const auto& counts = object_at(row, "why_tcp");
    for (const auto& reason : counts)
        if (const auto count = number_at(counts, reason.key()); count > 0) reasons.emplace_back(-count, reason.key());
    std::sort(reasons.begin(), reasons.end());
    json::array texts;
    for (const auto& [count, name] : reasons) texts.emplace_back(fmt::format("{} {}", name, -count));
    return join(texts);
}

// Connections to no service are counted without a port.
std::string port_text(const json::object& row) { return number_at(row, "port") == 0 ? "-" : text_at(row, "port"); }

Column bytes_column(std::string title, std::string member) {
    return {std::move(title), [member = std::move(member)](const json::object& row) { return bytes_at(row, member); },
            Column::Side::right};
}

Table services_table(const json::object& answer) {
    return {{text_column("SERVICE", "service"),
             {"PORT", port_text, Column::Side::right},
             text_column("STATE", "state"),
             number_column("CONNECTIONS", "connections"),
             bytes_column("SHORT", "bytes_short"),
             bytes_column("TCP", "bytes_tcp"),
             {"SHARE", short_share, Column::Side::right},
             text_column("UNTIL", "until").wide(),
             number_column("OPENED", "opened").wide(),
             number_column("LEFT", "left").wide(),
             number_column("MESSAGES SHORT", "messages_short").wide(),
             number_column("MESSAGES TCP", "messages_tcp").wide(),
             {"WHY TCP", why_text}},
            array_at(answer, "services"),
            Shown::always,
            {}};
}

Table pairs_table(const json::object& answer) {
    return {{text_column("CLIENT", "client"), text_column("SERVER", "server"), text_column("SERVICE", "service"),
             text_column("STATE", "state"), bytes_column("SHORT", "bytes_short"), bytes_column("TCP", "bytes_tcp"),
             bytes_column("QUEUED", "queued_bytes"), text_column("WHY", "why")},
            array_at(answer, "pairs"),
            Shown::when_wide,
            {}};
}

std::int64_t bytes_short(const json::value& row) { return row.is_object() ? number_at(row.get_object(), "bytes_short") : 0; }

// The rows of that service, or all without one; most bytes on the short way first.
json::array sorted_rows(const json::array& all, const std::string& service) {
    json::array rows;
    for (const auto& row : all)
        if (service.empty() || (row.is_object() && text_at(row.get_object(), "service") == service)) rows.push_back(row);
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return bytes_short(a) > bytes_short(b); });
    return rows;
}

std::string top_verdict(const json::array& services) {
    if (services.empty()) return "nothing has been counted yet";
    std::int64_t connections = 0;
    double short_way = 0;
    double tcp = 0;
    for (const auto& service : services) {
        if (!service.is_object()) continue;
        connections += number_at(service.get_object(), "connections");
        short_way += static_cast<double>(number_at(service.get_object(), "bytes_short"));
        tcp += static_cast<double>(number_at(service.get_object(), "bytes_tcp"));
    }
    return fmt::format("{} now; {} took the short way, {} went by TCP", counted(connections, "connection"), bytes_text(short_way),
                       bytes_text(tcp));
}

Result<Page> top(const Agent& agent, const std::string& service) {
    auto answer = agent.get("/v1/acceleration/top");
    if (!answer) return tl::make_unexpected(answer.error());
    for (const auto* const member : {"services", "pairs"}) (*answer)[member] = sorted_rows(array_at(*answer, member), service);
    // Nothing found: either nothing was counted for the service, or there is none of that name, which its own route tells.
    if (!service.empty() && array_at(*answer, "services").empty()) {
        const auto known = agent.get("/v1/services/" + http::percent_encode(service));
        if (!known) return tl::make_unexpected(known.error());
    }
    Page page;
    page.blocks = {services_table(*answer), pairs_table(*answer)};
    page.verdict = top_verdict(array_at(*answer, "services"));
    page.value = std::move(*answer);
    return page;
}

constexpr std::int64_t longest_pause_s = 86400;

std::string to_pause_seconds(std::string& text) {
    const auto given = text;
    if (to_seconds(text).empty() && std::stoll(text) <= longest_pause_s) return "";
    return "'" + given + "' is no time from 1s to 24h (units: s, m, h)";
}

void add_pause(CLI::App& noun, Program& program) {
    auto* const verb = noun.add_subcommand("pause", "Let every byte go by TCP for a while; connections stay (root only)");
    const auto wanted = std::make_shared<Pause>();
    add_service_option(*verb, wanted->service, "Only connections to this service");
    verb->add_option("--for", wanted->seconds, "Resume by itself after this time, at most 24h (until it is resumed)")
        ->type_name("TIME")
        ->transform(CLI::Validator(to_pause_seconds, ""));
    verb->footer(
        "TIME is a whole number and a unit: s, m or h.\n\n"
        "Examples:\n"
        "  sudo meshctl acceleration pause --service web --for 60s     while tcpdump looks at it\n"
        "  sudo meshctl acceleration pause");
    verb->callback([&program, wanted] { program.chosen = [wanted](const Agent& agent) { return pause(agent, *wanted); }; });
}

void add_resume(CLI::App& noun, Program& program) {
    auto* const verb = noun.add_subcommand("resume", "End a pause, or every pause (root only)");
    const auto service = std::make_shared<std::string>();
    add_service_option(*verb, *service, "Only the pause of this service");
    verb->footer(
        "Examples:\n"
        "  sudo meshctl acceleration resume --service web\n"
        "  sudo meshctl acceleration resume");
    verb->callback([&program, service] { program.chosen = [service](const Agent& agent) { return resume(agent, *service); }; });
}

void add_top_verb(CLI::App& noun, Program& program) {
    auto* const verb = noun.add_subcommand("top", "Show which services take the short way how much, and why others do not");
    const auto service = std::make_shared<std::string>();
    add_service_option(*verb, *service, "Only this service");
    verb->footer(
        "Examples:\n"
        "  meshctl acceleration top\n"
        "  meshctl acceleration top --service web -o wide      its connections too\n"
        "  watch -n 1 meshctl acceleration top");
    verb->callback([&program, service] { program.chosen = [service](const Agent& agent) { return top(agent, *service); }; });
}

}  // namespace

void add_acceleration(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("acceleration", "The short way between sockets of this host");
    noun->require_subcommand(1);

    auto* const status_verb = noun->add_subcommand("status", "Show whether the short way is on, and why");
    status_verb->footer(
        "Examples:\n"
        "  meshctl acceleration status\n"
        "  meshctl acceleration status -o wide      what the self-test has seen too\n"
        "  meshctl acceleration status -o json | jq -r .mode");
    status_verb->callback([&program] { program.chosen = status; });

    auto* const selftest_verb =
        noun->add_subcommand("selftest", "Prove anew what this kernel can do (root only); exit 4 when a check failed");
    selftest_verb->footer("Examples:\n  sudo meshctl acceleration selftest");
    selftest_verb->callback([&program] { program.chosen = selftest; });

    add_pause(*noun, program);
    add_resume(*noun, program);
    add_top_verb(*noun, program);
}

}  // namespace meshd::meshctl
