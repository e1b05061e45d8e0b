// SPDX-License-Identifier: Apache-2.0
// Parts of the agent that are made by its settings, and made anew when those change.
#include "app/agent.hpp"

namespace meshd::app {

reconcile::ForwardPolicy forward_policy(const config::Settings& settings) {
    return {!settings.devices.empty(), settings.forwarding.mode, settings.locality};
}

void Agent::begin_stale_sockets() {
    sockets::StaleSockets::Surroundings around;
    around.reconciler = [this]() -> const reconcile::Reconciler& { return *reconciler_; };
    around.forwards = [this] { return forwarder_->enabled(); };
    around.worker = [this] { return worker_.status().pid; };
    around.degraded = [this](const std::string& reason, const std::string& remedy) {
        if (reason.empty())
            context_.degradations.clear("stale sockets");
        else
            context_.degradations.set("stale sockets", reason, remedy);
    };
    stale_sockets_.emplace(io_, *datapath_, std::move(around), context_.settings.state_directory);
    stale_sockets_->begin(context_.adopted);
    context_.stale_sockets = &*stale_sockets_;
    reconciler_->on_backends([this](const auto& changes) { stale_sockets_->backends_changed(changes); });
}

void Agent::make_forwarder() {
    forwarder_.emplace(io_, *datapath_, *reconciler_,
                       [this](const std::string& feature, const std::optional<forwarding::Problem>& problem) {
                           if (problem)
                               context_.degradations.set(feature, problem->reason, problem->remedy);
                           else
                               context_.degradations.clear(feature);
                       });
    context_.forwarder = &*forwarder_;
}

// Tables say how to forward before programs ask them, and stop to say it after nobody asks.
void Agent::configure_forwarding() {
    const auto& settings = context_.settings;
    if (settings.devices.empty()) forwarder_->configure(settings);
    reconciler_->set_forwarding(forward_policy(settings));
    if (!settings.devices.empty()) forwarder_->configure(settings);
    after_change();
}

base::Result<void> Agent::begin_flows() {
    const auto mount = kernel::cgroup_mount();
    if (!mount) return tl::make_unexpected(mount.error());
    flows_.emplace(
        io_, *datapath_, [this]() -> const reconcile::RealizedState& { return reconciler_->realized(); }, *mount);
    context_.flows = &*flows_;
    forwarder_->on_aged([this](const md_track_key& key, const md_track& request, const md_track* reply) {
        flows_->tell(flows::aged_out(key, request, reply));
    });
    flows_->pods_changed(context_.pods);
    configure_flows();
    // Before: what programs told while there was no agent is for the exporters, too.
    flow_export_.configure();
    return flows_->open();
}

void Agent::configure_flows() {
    const auto& settings = context_.settings;
    if (auto done = flows_->configure(settings.flows, !settings.devices.empty(), settings.forwarding.timeouts); !done)
        context_.degradations.set("flows", done.error().message(), "what was in force goes on");
    else
        context_.degradations.clear("flows");
}

}  // namespace meshd::app
