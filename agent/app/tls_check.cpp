// SPDX-License-Identifier: Apache-2.0
#include "app/tls_check.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "app/policy_setup.hpp"
#include "app/tls_setup.hpp"
#include "model/authorization.hpp"
#include "model/policy_json.hpp"
#include "model/tls.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

// Longer than one handshake with all its waits takes, shorter than who asked waits.
constexpr std::chrono::seconds patience{26};

struct Target {
    std::uint16_t port = 0;  // of the service
    base::SocketAddress service;
    model::Backend backend;
    bool is_here = false;
    std::optional<channel::TlsFinding> finding;
};

bool is_plain(const Target& target, const model::ServiceTls& tls) {
    return tls.mode == model::TlsMode::mutual && target.is_here && tls.same_node == model::SameNode::plain;
}

std::vector<Target> targets_of(const model::Service& service, const std::optional<base::SocketAddress>& wanted,
                               const TlsSetup& setup) {
    std::vector<Target> targets;
    for (const auto& port : service.ports)
        for (const auto& backend : port.backends) {
            if (wanted && backend.endpoint != *wanted) continue;
            targets.push_back({port.number, {service.addresses.front(), port.number}, backend, setup.is_here(backend), {}});
        }
    return targets;
}

json::array chain_json(const channel::TlsFinding& finding) {
    json::array chain;
    for (const auto& one : finding.chain)
        chain.emplace_back(json::object{{"identity", one.identity},
                                        {"subject", one.subject},
                                        {"issuer", one.issuer},
                                        {"key", one.key},
                                        {"signature", one.signature},
                                        {"not_before", one.not_before},
                                        {"not_after", one.not_after}});
    return chain;
}

void add_finding(json::object& row, const channel::TlsFinding& finding) {
    row["peer"] = finding.peer;
    row["result"] = finding.result;
    row["meaning"] = finding.meaning;
    row["detail"] = finding.detail;
    row["remedy"] = finding.remedy;
    row["accepted"] = finding.is_accepted;
    row["connected"] = finding.is_connected;
    row["peer_identity"] = finding.peer_identity;
    row["protocol"] = finding.protocol;
    row["cipher"] = finding.cipher;
    row["group"] = finding.group;
    row["authority"] = finding.authority;
    row["revocation_lists"] = finding.looks_at_revocations;
    row["resumable"] = finding.is_resumable;
    row["connect_us"] = finding.connect_us;
    row["handshake_us"] = finding.handshake_us;
    row["chain"] = chain_json(finding);
}

}  // namespace

struct TlsChecks::Check {
    explicit Check(boost::asio::io_context& io) : timer(io) {}

    [[nodiscard]] bool is_complete() const {
        return std::all_of(targets.begin(), targets.end(),
                           [this](const Target& target) { return target.finding || is_plain(target, tls); });
    }
    [[nodiscard]] json::object row(const Target& target, const Context& context) const;
    [[nodiscard]] json::object answer(const Context& context) const;

    control::Later later;
    boost::asio::steady_timer timer;
    std::string service, identity_name;
    model::ServiceTls tls;
    std::vector<Target> targets;
    json::array left_out;
    std::string why_unanswered = "the worker did not answer in time";
};

// What rules that this node knows say to the identity that was shown; the other host's worker decides by those that it knows.
json::object TlsChecks::Check::row(const Target& target, const Context& context) const {
    json::object row{{"port", target.port},
                     {"backend", target.backend.endpoint.text()},
                     {"host", target.backend.host.value_or(target.backend.endpoint.address).text()},
                     {"same_node", target.is_here},
                     {"encrypted", !is_plain(target, tls)},
                     {"policy", nullptr}};
    if (is_plain(target, tls)) {
        row["result"] = "plain";
        row["meaning"] = "client and backend are on this host, where the kernel sees both ends: not encrypted";
        row["ok"] = true;
        return row;
    }
    if (!target.finding) {
        row["result"] = "unanswered";
        row["meaning"] = "nothing is known about it";
        row["detail"] = why_unanswered;
        row["ok"] = false;
        return row;
    }
    add_finding(row, *target.finding);
    bool passes = true;
    if (tls.mode == model::TlsMode::mutual && !target.finding->identity.empty()) {
        const bool audit = context.settings.policy.mode == config::PolicyMode::audit;
        const model::Authorization authorization(context.policy->rules(), audit);
        const auto decision = authorization.decide(target.finding->identity, service, target.port);
        passes = decision.is_allowed;
        row["policy"] =
            json::object{{"verdict", decision.is_allowed && !decision.is_audited ? "allow" : "deny"},
                         {"passes", decision.is_allowed},
                         {"rule", decision.rule != nullptr ? json::value(model::to_json(*decision.rule)) : json::value(nullptr)}};
    }
    row["ok"] = target.finding->result == "ok" && passes;
    return row;
}

json::object TlsChecks::Check::answer(const Context& context) const {
    json::array rows;
    bool is_ok = !targets.empty() && tls.mode != model::TlsMode::off;
    std::string identity;
    for (const auto& target : targets) {
        auto& one = rows.emplace_back(row(target, context)).get_object();
        is_ok = is_ok && one.at("ok").as_bool();
        if (target.finding && identity.empty()) identity = target.finding->identity;
    }
    return {{"service", service},
            {"mode", model::name(tls.mode)},
            {"same_node", model::name(tls.same_node)},
            {"server_name", tls.origination.server_name},
            {"credentials", tls.origination.credentials},
            {"identity_name", identity_name},
            {"identity", identity},
            {"backends", std::move(rows)},
            {"left_out", left_out},
            {"ok", is_ok}};
}

base::Result<std::shared_ptr<TlsChecks::Check>> TlsChecks::make(const control::TlsCheckQuery& query) const {
    const auto fail = [&](int code, std::string detail, std::string remedy) {
        return base::fail({"check", "service " + query.service, code, std::move(detail), std::move(remedy)});
    };
    if (running_.size() >= most_at_once) return fail(EBUSY, "as many checks as may run are running", "try again in a moment");
    const auto& services = context_.reconciler->desired().services;
    const auto found = services.find(query.service);
    if (found == services.end()) return fail(0, "there is no service of that name", "meshctl service list tells the names");
    auto check = std::make_shared<Check>(io_);
    check->service = query.service;
    check->identity_name = query.identity;
    check->tls = found->second->tls;
    if (check->tls.mode == model::TlsMode::off) return check;

    const auto settings = context_.tls_settings();
    const bool is_outside = check->tls.mode == model::TlsMode::originate;
    if (is_outside && !query.identity.empty())
        return fail(0, "its backends are outside of the mesh, where identities mean nothing", "leave the identity out");
    if (!settings && !is_outside)
        return fail(0, "this node has no certificates: connections to it are refused", "give the configuration a section `tls`");
    const auto is_named = [&](const model::WorkloadIdentity& one) { return one.name == query.identity; };
    if (!query.identity.empty() && std::none_of(settings->identities.begin(), settings->identities.end(), is_named))
        return fail(0, "tls.identities names no " + query.identity, "meshctl identity show tells them");
    check->targets = targets_of(*found->second, query.backend, *context_.tls);
    if (query.backend && check->targets.empty())
        return fail(0, "it has no backend " + query.backend->text(), "meshctl service show tells them");
    const auto most = std::min(query.is_all ? channel::most_tls_targets : most_backends, check->targets.size());
    for (auto at = most; at < check->targets.size(); ++at)
        check->left_out.emplace_back(check->targets[at].backend.endpoint.text());
    check->targets.resize(most);
    return check;
}

void TlsChecks::begin(const control::TlsCheckQuery& query, const control::Later& later) {
    const auto made = make(query);
    if (!made) return later(tl::make_unexpected(made.error()));
    auto& check = **made;
    check.later = later;
    channel::TlsCheck asked{++last_id_, query.identity, {}};
    for (const auto& target : check.targets)
        if (!is_plain(target, check.tls)) asked.targets.push_back({target.service, target.backend.endpoint});
    running_.emplace(asked.id, *made);
    if (asked.targets.empty()) return finish(asked.id);
    if (!ask_(asked)) {
        check.why_unanswered = "the worker does not run";
        return finish(asked.id);
    }
    check.timer.expires_after(patience);
    check.timer.async_wait([this, id = asked.id](const boost::system::error_code& error) {
        if (!error) finish(id);
    });
}

void TlsChecks::take(const channel::TlsFinding& finding) {
    const auto found = running_.find(finding.id);
    if (found == running_.end()) return;
    for (auto& target : found->second->targets)
        if (target.backend.endpoint == finding.backend && !target.finding) {
            target.finding = finding;
            break;
        }
    if (found->second->is_complete()) finish(finding.id);
}

void TlsChecks::worker_is_gone() {
    while (!running_.empty()) {
        running_.begin()->second->why_unanswered = "the worker ended meanwhile";
        finish(running_.begin()->first);
    }
}

void TlsChecks::finish(std::uint64_t id) {
    const auto node = running_.extract(id);
    if (node.empty()) return;
    node.mapped()->timer.cancel();
    node.mapped()->later(json::serialize(node.mapped()->answer(context_)));
}

}  // namespace meshd::app
