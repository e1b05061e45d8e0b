// SPDX-License-Identifier: Apache-2.0
// What the agent consists of while it runs, for those who only look at it: views and metrics.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "acceleration/accelerator.hpp"
#include "app/degradations.hpp"
#include "app/retired_workers.hpp"
#include "app/worker_process.hpp"
#include "channel/messages.hpp"
#include "config/settings.hpp"
#include "flows/flow_table.hpp"
#include "forwarding/forwarder.hpp"
#include "health/backend_health.hpp"
#include "health/health_table.hpp"
#include "kernel/datapath.hpp"
#include "ktls/self_test.hpp"
#include "model/pod.hpp"
#include "reconcile/reconciler.hpp"
#include "sockets/stale_sockets.hpp"

namespace meshd::app {

// Where the desired state comes from right now.
enum class Origin : std::uint8_t { nothing, state_file, registry };

class EdgeSetup;
class PolicySetup;
class TlsSetup;

// Another level of the log than the configuration's, by a person's word.
struct LogOverride {
    config::LogLevel level = config::LogLevel::info;
    std::optional<std::chrono::system_clock::time_point> until;  // nothing: until the agent ends or its configuration changes
};

struct Context {
    config::Settings settings;
    std::optional<LogOverride> log_override;
    [[nodiscard]] config::LogLevel log_level() const { return log_override ? log_override->level : settings.log_level; }

    // With an identity for each that pods have now.
    [[nodiscard]] std::optional<model::NodeTls> tls_settings() const {
        auto node = settings.tls;
        if (node) node->identities = model::with_pods(node->identities, pods);
        return node;
    }

    std::string cgroup_path;
    std::chrono::system_clock::time_point started_at;
    bool starting = true;  // until the desired state, or the time without one, has begun
    Origin origin = Origin::nothing;
    std::chrono::system_clock::time_point desired_at;  // of the last change
    bool adopted = false;
    channel::RegistryStatus registry;
    boost::json::array registries;                        // see channel::RegistriesReport
    boost::json::array announcements;                     // see channel::AnnouncementsReport
    boost::json::array certificates;                      // see channel::CertificatesReport
    boost::json::array edge_report;                       // see channel::EdgeReport
    std::vector<model::Pod> pods;                         // of this node, as an API server has them
    std::set<std::string> drained;                        // names of announced services, by a person's word
    std::chrono::system_clock::time_point remembered_at;  // when what is known of services was last said by the registries
    std::optional<ktls::Verdict> kernel_tls;              // nothing: nobody has asked for it
    Degradations degradations;
    health::HealthTable probes;

    const kernel::Datapath* datapath = nullptr;
    reconcile::Reconciler* reconciler = nullptr;
    const acceleration::Accelerator* accelerator = nullptr;
    flows::FlowTable* flows = nullptr;
    const forwarding::Forwarder* forwarder = nullptr;
    const sockets::StaleSockets* stale_sockets = nullptr;
    const PolicySetup* policy = nullptr;
    const TlsSetup* tls = nullptr;
    const EdgeSetup* edge = nullptr;
    health::BackendHealth* health = nullptr;
    std::function<WorkerStatus()> worker;
    std::function<std::vector<RetiredWorkers::One>()> retired_workers;
};

}  // namespace meshd::app
