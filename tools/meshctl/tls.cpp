// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/address.hpp"
#include "command.hpp"

namespace meshd::meshctl {

namespace {

struct Question {
    std::string service, backend, identity;
    bool is_all = false;
};

bool was_tried(const json::object& row) { return row.contains("peer"); }

std::string policy_text(const json::object& row) {
    const auto verdict = text_at(row, "policy.verdict");
    return verdict == "deny" && is_true(row, "policy.passes") ? "deny, audited" : verdict;
}

// An identity of the mesh, or whose certificate it is.
std::string peer_text(const json::object& row) {
    if (const auto identity = text_at(row, "peer_identity"); identity != "-" || text_at(row, "result") != "ok") return identity;
    const auto& chain = array_at(row, "chain");
    return chain.empty() || !chain.front().is_object() ? "-" : text_at(chain.front().get_object(), "subject");
}

Table backends_table(json::array rows) {
    const auto expiry = [](const json::object& row) {
        const auto& chain = array_at(row, "chain");
        return chain.empty() || !chain.front().is_object() ? "-" : text_at(chain.front().get_object(), "not_after");
    };
    const auto time = [](const char* path) {
        return [path](const json::object& row) { return number_at(row, path) > 0 ? microseconds_at(row, path) : "-"; };
    };
    return {{text_column("BACKEND", "backend"),
             text_column("SPOKE TO", "peer"),
             text_column("RESULT", "result"),
             {"PEER", peer_text},
             {"NOT AFTER", expiry},
             {"POLICY", policy_text},
             {"CONNECT", time("connect_us"), Column::Side::right},
             {"HANDSHAKE", time("handshake_us"), Column::Side::right},
             text_column("ACCEPTED", "accepted").wide(),
             text_column("CONNECTED", "connected").wide(),
             text_column("RESUMABLE", "resumable").wide(),
             text_column("PROTOCOL", "protocol").wide(),
             text_column("CIPHER", "cipher").wide(),
             text_column("GROUP", "group").wide(),
             text_column("AUTHORITY", "authority").wide(),
             text_column("LISTS", "revocation_lists").wide()},
            std::move(rows),
            Shown::always,
            {}};
}

// Of one backend always, of several to those who want to know more.
Table chains_table(const json::array& backends) {
    json::array rows;
    for (const auto& one : backends)
        for (const auto& certificate : array_at(one.get_object(), "chain")) {
            if (!certificate.is_object()) continue;
            auto row = certificate.get_object();
            row["backend"] = one.get_object().at("backend");
            rows.emplace_back(std::move(row));
        }
    const auto who = [](const json::object& row) {
        return text_at(row, text_at(row, "identity") != "-" ? "identity" : "subject");
    };
    return {{text_column("BACKEND", "backend"),
             {"CERTIFICATE OF", who},
             text_column("ISSUER", "issuer"),
             text_column("NOT AFTER", "not_after"),
             text_column("KEY", "key"),
             text_column("SIGNATURE", "signature").wide()},
            std::move(rows),
            backends.size() == 1 ? Shown::always : Shown::when_wide,
            {}};
}

// What went wrong, and what to do about it.
Lines problems_of(const json::object& answer) {
    Lines lines;
    for (const auto& one : array_at(answer, "backends")) {
        const auto& row = one.get_object();
        const auto backend = text_at(row, "backend");
        if (const auto result = text_at(row, "result"); result != "ok") {
            auto line = fmt::format("{}: {}: {}", backend, result, text_at(row, "meaning"));
            if (text_at(row, "detail") != "-") line += fmt::format(" ({})", text_at(row, "detail"));
            if (text_at(row, "remedy") != "-") line += "; " + text_at(row, "remedy");
            lines.lines.push_back(std::move(line));
        }
        if (text_at(row, "policy.verdict") == "deny")
            lines.lines.push_back(fmt::format("{}: rule {} denies {}{}", backend, text_at(row, "policy.rule.name"),
                                              text_at(answer, "identity"),
                                              is_true(row, "policy.passes") ? ", and would be obeyed but for audit mode" : ""));
    }
    if (const auto& left_out = array_at(answer, "left_out"); !left_out.empty())
        lines.lines.push_back("not tried: " + join(left_out));
    return lines;
}

std::string verified_outside(const json::object& answer) {
    const auto name = text_at(answer, "server_name"), credentials = text_at(answer, "credentials");
    return fmt::format(
        "the chain up to an authority of {}, its times, keys and signatures, usage, that it is for {}; no revocation lists",
        credentials == "-" ? "the system" : "the credentials " + credentials, name == "-" ? "the backend's address" : name);
}

std::string verified_text(const json::array& backends) {
    bool has_lists = false, is_one_encrypted = false;
    for (const auto& one : backends) {
        is_one_encrypted |= was_tried(one.get_object());
        has_lists |= is_true(one.get_object(), "revocation_lists");
    }
    if (!is_one_encrypted) return "-";
    return std::string(
               "the chain up to an authority of tls.authorities, its times, keys and signatures, usage, exactly one SPIFFE ID, "
               "the trust domain") +
           (has_lists ? ", revocation lists" : "; no revocation lists: tls.revoked is not given");
}

Page page_of(json::object answer) {
    const auto service = text_at(answer, "service");
    const auto backends = array_at(answer, "backends");
    const auto name = text_at(answer, "identity_name");
    Page page;
    page.exit = is_true(answer, "ok") ? ExitCode::done : ExitCode::not_healthy;
    if (text_at(answer, "mode") == "off") {
        page.verdict = "connections to " + service + " are not encrypted, so there is nothing to check";
    } else {
        std::int64_t well = 0;
        for (const auto& one : backends) well += is_true(one.get_object(), "ok") ? 1 : 0;
        const bool is_outside = text_at(answer, "mode") == "originate";
        const auto shown = text_at(answer, "identity");
        page.blocks = {Facts{{{"Service", service},
                              {"Under", is_outside ? shown : (name == "-" ? "the node" : name) + ", " + shown},
                              {"Verified", is_outside ? verified_outside(answer) : verified_text(backends)}}},
                       backends_table(backends), chains_table(backends), problems_of(answer)};
        page.verdict = fmt::format("{} of {} in order", well, counted(static_cast<std::int64_t>(backends.size()), "backend"));
        if (const auto count = array_at(answer, "left_out").size(); count > 0)
            page.verdict += fmt::format(", {} not tried: see --all", count);
    }
    page.value = std::move(answer);
    return page;
}

Result<Page> check(const Agent& agent, const Question& question) {
    json::object body{{"service", question.service}, {"all", question.is_all}};
    if (!question.backend.empty()) body["backend"] = question.backend;
    if (!question.identity.empty()) body["identity"] = question.identity;
    auto answer = agent.post("/v1/tls/check", body);
    if (!answer) return tl::make_unexpected(answer.error());
    json::array rows;  // an agent of another version may say more than we know, but a row is an object
    for (const auto& one : array_at(*answer, "backends"))
        if (one.is_object()) rows.push_back(one);
    (*answer)["backends"] = std::move(rows);
    return page_of(std::move(*answer));
}

std::string check_endpoint(const std::string& text) {
    const auto endpoint = base::SocketAddress::parse(text);
    return endpoint && endpoint->port != 0 ? "" : "'" + text + "' is no address and port such as 10.0.0.1:8080 or [fd00::1]:8080";
}

}  // namespace

void add_tls(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("tls", "Encryption between hosts");
    noun->require_subcommand(1);
    const auto question = std::make_shared<Question>();
    auto* const verb = noun->add_subcommand(
        "check", "Make a real handshake for each backend of a service and tell what was verified; exit 4 unless all went well");
    verb->add_option("SERVICE", question->service, "The service")->required();
    verb->add_option("BACKEND", question->backend, "Only this one of its backends")
        ->type_name("ADDRESS:PORT")
        ->check(CLI::Validator(check_endpoint, ""));
    verb->add_option("--identity", question->identity, "Under which of tls.identities (that of the node)")->type_name("NAME");
    verb->add_flag("--all", question->is_all, "Up to 256 backends (16)");
    verb->footer(
        "The worker of this host connects as it does for applications, always with a full handshake, and asks the other worker "
        "to\n"
        "connect to the backend, without a byte for it.\n\n"
        "Examples:\n"
        "  meshctl tls check shop/web\n"
        "  meshctl tls check shop/web 10.0.0.5:8080 --identity shop -o wide\n"
        "  meshctl tls check shop/web -o json | jq -r '.backends[] | select(.ok | not) | .backend + \" \" + .result'");
    verb->callback([&program, question] { program.chosen = [question](const Agent& agent) { return check(agent, *question); }; });
}

}  // namespace meshd::meshctl
