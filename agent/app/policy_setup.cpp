// SPDX-License-Identifier: Apache-2.0
#include "app/policy_setup.hpp"

#include <map>
#include <set>
#include <utility>

#include <spdlog/spdlog.h>

#include "app/worker_child.hpp"
#include "kernel/cgroup.hpp"
#include "policy/merge.hpp"

namespace meshd::app {

namespace {

using namespace std::chrono_literals;

// Cgroups come and go without a word to the agent.
constexpr auto look_interval = 1s;
// A connect() that is on its way between its hook and its SYN has taken its place and shows no connection yet.
constexpr auto place_age = 5s;
constexpr unsigned looks_between_repairs = 5;
constexpr unsigned looks_between_retries = 10;

std::vector<md_endpoint> endpoints_of(const model::Service& service) {
    std::vector<md_endpoint> result;
    for (const auto& frontend : model::frontends(service))
        result.push_back(reconcile::encode(frontend.address, frontend.protocol));
    return result;
}

md_limit encode(const model::Limits& limits) {
    md_limit value{};
    value.connections = limits.connections;
    if (limits.rate == 0) return value;
    value.interval_ns = 1'000'000'000ULL / limits.rate;
    value.burst_ns = value.interval_ns * limits.burst;
    return value;
}

}  // namespace

PolicySetup::PolicySetup(boost::asio::io_context& io, Context& context)
    : context_(context), io_(io), timer_(io), file_(context.settings.state_directory) {}

base::Result<void> PolicySetup::begin() {
    file_ = policy::PolicyFile(context_.settings.state_directory);
    maps_.emplace(*context_.datapath);
    limits_.emplace(*context_.datapath);
    auto mount = kernel::cgroup_mount();
    if (!mount) return tl::make_unexpected(mount.error());
    cgroup_mount_ = *mount;
    auto watch = forwarding::DeviceWatch::start(io_, [this] { network_changed(); });
    if (!watch) return tl::make_unexpected(watch.error());
    network_watch_ = std::move(*watch);
    policy::look_at_network(network_);
    network_.exempt_user = own_user(context_.settings.worker_user);
    auto saved = file_.load();
    if (saved)
        rules_ = std::move(*saved);
    else
        context_.degradations.set("policy", saved.error().message(), "rules of the registry are in force once it has answered");
    wait();
    return {};
}

base::Result<void> PolicySetup::before_attach() {
    for (const auto& [name, service] : context_.reconciler->desired().services)
        if (service->limits != model::Limits{}) limited_.insert(name);
    const auto generation = maps_->generation();
    if (!generation) return tl::make_unexpected(generation.error());
    if (*generation != 0 && !answered_) return {};
    refresh(true);
    // No program may stand anywhere before what is to be denied is.
    if (!in_force_ && *generation == 0 && context_.settings.policy.otherwise == model::Action::deny)
        return base::fail({"put in force", "the policy", 0, "nothing is, and its default is deny", "see the log for the reason"});
    return {};
}

void PolicySetup::set_rules(channel::Policies policies) {
    // Of a file that could never be read, what was last known goes on.
    if (!policies.complete) policies.rules = policy::merge(std::move(policies.rules), rules_, policies.unread);
    answered_ = true;
    rules_ = std::move(policies.rules);
    refresh(true);
    if (auto saved = file_.save(rules_); !saved) spdlog::warn("{}", saved.error().message());
}

void PolicySetup::before_services_change(const std::vector<model::ServicePtr>& upsert) {
    for (const auto& service : upsert)
        if (service->limits == model::Limits{})
            limited_.erase(service->name);
        else
            limited_.insert(service->name);
    if (answered_) refresh(false, upsert);
}

void PolicySetup::services_changed() {
    if (answered_) refresh(false);
    set_limits();
}

void PolicySetup::settings_changed() {
    network_.exempt_user = own_user(context_.settings.worker_user);
    refresh(true);
}

void PolicySetup::network_changed() {
    const auto user = network_.exempt_user;
    network_ = {};
    policy::look_at_network(network_);
    network_.exempt_user = user;
    if (is_in_charge()) refresh(false);
}

void PolicySetup::find_service(policy::Surroundings& here, const std::string& name,
                               const std::vector<model::ServicePtr>& coming) const {
    std::set<md_endpoint, reconcile::BytesLess> endpoints;
    const auto& realized = context_.reconciler->realized();
    for (const auto id : realized.ids_of_service(name))
        if (const auto* const service = realized.find(id)) endpoints.insert(service->frontends.begin(), service->frontends.end());
    const auto& desired = context_.reconciler->desired().services;
    if (const auto found = desired.find(name); found != desired.end())
        for (const auto& endpoint : endpoints_of(*found->second)) endpoints.insert(endpoint);
    for (const auto& service : coming)
        if (service->name == name)
            for (const auto& endpoint : endpoints_of(*service)) endpoints.insert(endpoint);
    if (!endpoints.empty()) here.services[name] = {endpoints.begin(), endpoints.end()};
}

policy::Surroundings PolicySetup::look_around(const std::vector<model::ServicePtr>& coming) const {
    auto here = network_;
    std::set<std::string_view> looked_for;
    for (const auto& rule : rules_) {
        if (!rule.workload.empty() && looked_for.insert(rule.workload).second)
            policy::look_at_workload(here, cgroup_mount_, rule.workload);
        if (!rule.service.empty() && !here.services.contains(rule.service)) find_service(here, rule.service, coming);
    }
    return here;
}

base::Result<void> PolicySetup::compile_and_put(const std::vector<model::Rule>& rules) {
    const auto& wanted = context_.settings.policy;
    ++compiled_;
    auto compiled = policy::compile({rules, wanted.otherwise, wanted.mode == config::PolicyMode::audit}, here_);
    if (!compiled) return tl::make_unexpected(compiled.error());
    return put(std::move(*compiled));
}

void PolicySetup::refresh(bool anyway, const std::vector<model::ServicePtr>& coming) {
    auto here = look_around(coming);
    if (!anyway && (in_force_ || is_behind_) && here == here_) return;
    here_ = std::move(here);
    const auto done = compile_and_put(rules_);
    is_behind_ = !done;
    if (done) {
        context_.degradations.clear("policy");
        return;
    }
    const auto generation = maps_->generation();
    const bool has_old = generation && *generation != 0;
    context_.degradations.set(
        "policy", done.error().message(),
        has_old ? "the policy before goes on; correct the rules" : "no rule is in force, only the default; correct the rules");
    // Nothing was in force: then at least the default is, with no rule that could allow anything.
    if (!has_old && context_.settings.policy.otherwise == model::Action::deny)
        if (auto closed = compile_and_put({}); !closed) spdlog::error("policy: {}", closed.error().message());
}

base::Result<void> PolicySetup::put(policy::Compiled compiled) {
    if (in_force_ && in_force_->same_as(compiled)) return {};
    auto done = compiled.is_empty() ? maps_->clear() : maps_->put(compiled);
    if (!done) return done;
    if (!compiled.is_empty() || (in_force_ && !in_force_->is_empty()))
        spdlog::info("policy: {} rules, {} verdicts, default {}{}", compiled.ordered.size(), compiled.verdicts.size(),
                     compiled.head.default_verdict == MD_VERDICT_DENY ? "deny" : "allow",
                     compiled.head.audit != 0 ? ", audit" : "");
    in_force_ = std::move(compiled);
    return {};
}

void PolicySetup::check() {
    if (!in_force_) {
        if (answered_) refresh(true);
        return;
    }
    const auto generation = maps_->generation();
    if (!generation) return;
    if (in_force_->is_empty() ? *generation == 0 : maps_->holds(*in_force_).value_or(true)) return;
    spdlog::warn("drift: the maps held another policy than was put there, putting it there again");
    in_force_.reset();
    refresh(true);
}

void PolicySetup::set_limits() {
    std::map<std::uint32_t, md_limit> wanted;
    const auto& realized = context_.reconciler->realized();
    const auto& desired = context_.reconciler->desired().services;
    for (auto name = limited_.begin(); name != limited_.end();) {
        const auto found = desired.find(*name);
        if (found == desired.end()) {
            name = limited_.erase(name);
            continue;
        }
        for (const auto id : realized.ids_of_service(*name)) wanted.emplace(id, encode(found->second->limits));
        ++name;
    }
    if (auto done = limits_->set(wanted); !done)
        context_.degradations.set("limits", done.error().message(), "tried again at the next change");
    else
        context_.degradations.clear("limits");
}

std::string PolicySetup::note(const model::Rule& rule) const {
    if (!rule.workload.empty() && !here_.workloads.contains(rule.workload)) return "there is no cgroup " + rule.workload;
    if (!rule.service.empty() && !here_.services.contains(rule.service)) return "there is no service " + rule.service;
    return {};
}

void PolicySetup::repair_limits() {
    const auto repaired = limits_->repair(place_age);
    if (!repaired)
        spdlog::warn("{}", repaired.error().message());
    else if (*repaired != 0)
        spdlog::debug("limits: {} places given back of connections that ended without a word", *repaired);
}

void PolicySetup::wait() {
    timer_.expires_after(look_interval);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        ++ticks_;
        if (is_in_charge()) refresh(is_behind_ && ticks_ % looks_between_retries == 0);
        if (ticks_ % looks_between_repairs == 0) repair_limits();
        wait();
    });
}

}  // namespace meshd::app
