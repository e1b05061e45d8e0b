// SPDX-License-Identifier: Apache-2.0
// Everything the running agent owns, and how its parts react to each other.
#pragma once

#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/acceleration_setup.hpp"
#include "app/announcement_setup.hpp"
#include "app/bounds_guard.hpp"
#include "app/context.hpp"
#include "app/edge_setup.hpp"
#include "app/file_watch.hpp"
#include "app/flow_export.hpp"
#include "app/health_setup.hpp"
#include "app/options.hpp"
#include "app/policy_setup.hpp"
#include "app/state_saver.hpp"
#include "app/tls_check.hpp"
#include "app/tls_setup.hpp"
#include "app/views.hpp"
#include "app/watchdog.hpp"
#include "app/worker_link.hpp"
#include "control/router.hpp"
#include "flows/flow_table.hpp"
#include "forwarding/forwarder.hpp"
#include "http/server.hpp"
#include "kernel/directory_lock.hpp"
#include "kernel/kernel_maps.hpp"
#include "sockets/stale_sockets.hpp"

namespace meshd::app {

reconcile::ForwardPolicy forward_policy(const config::Settings& settings);

class Agent {
public:
    Agent(Options options, config::Settings settings);
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    ~Agent();

    // In this order; after an error the agent is only good for destruction.
    base::Result<void> load();   // locks, programs, maps, what they hold
    base::Result<void> serve();  // hooks, control socket, worker
    void loop();                 // until a signal

private:
    base::Result<void> attach();
    base::Result<void> finish_migration();
    void attach_again();
    base::Result<void> listen();
    void show(const http::Request& request, http::Respond respond);  // what the picture asks
    void load_saved_state();

    [[nodiscard]] std::vector<model::ServicePtr> known_services() const;
    void on_delta(channel::Delta delta);
    void load_pods();
    void on_pods(std::vector<model::Pod> pods);
    base::Result<void> begin_flows();
    void begin_stale_sockets();
    void make_forwarder();
    void configure_forwarding();
    void configure_flows();

    void after_change();  // whatever changed the desired state or its success
    void note_pending();  // whatever made tables anew
    void end_of_start();
    base::Result<reconcile::Plan> check();
    void schedule_check();
    void schedule_retry();
    void replace_worker(const control::Later& later);
    void override_log_level(const control::LogLevelQuery& query);
    void apply_log_level();
    void reload();
    void watch_configuration();
    void wait_for_signal();

    Options options_;
    boost::asio::io_context io_{1};
    Context context_;
    std::optional<kernel::DirectoryLock> pins_lock_, run_lock_;
    std::optional<kernel::Cgroup> cgroup_;
    std::optional<kernel::Datapath> datapath_;
    std::optional<kernel::KernelMaps> maps_;
    std::optional<reconcile::Reconciler> reconciler_;
    BoundsGuard bounds_;
    AccelerationSetup acceleration_;
    PolicySetup policy_;
    HealthSetup health_;
    AnnouncementSetup announcements_;
    ListenerHandover handover_;
    TlsSetup tls_;
    TlsChecks tls_checks_;
    EdgeSetup edge_;
    std::optional<flows::FlowTable> flows_;
    std::optional<forwarding::Forwarder> forwarder_;
    std::optional<sockets::StaleSockets> stale_sockets_;
    bool attached_ = false;

    StateFile state_file_;
    StateSaver saver_;
    std::vector<model::ServicePtr> saved_;  // until the registries have answered

    Views views_;
    std::optional<control::Router> router_;
    std::unique_ptr<http::Server> server_;
    WorkerLink worker_;
    FlowExport flow_export_;
    std::unique_ptr<FileWatch> config_watch_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer check_timer_, retry_timer_, start_timer_, log_timer_;
    Watchdog watchdog_{io_};
    std::chrono::milliseconds retry_delay_;
};

}  // namespace meshd::app
