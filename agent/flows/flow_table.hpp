// SPDX-License-Identifier: Apache-2.0
// The flows of this node as the control socket and the metrics ask for them. What takes long runs on a thread of its own and
// comes back to the loop.
#pragma once

#include <functional>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>

#include "config/settings.hpp"
#include "control/agent_view.hpp"
#include "flows/background.hpp"
#include "flows/names.hpp"
#include "flows/sweeper.hpp"
#include "flows/traffic.hpp"
#include "flows/watcher.hpp"
#include "kernel/flow_maps.hpp"
#include "reconcile/realized_state.hpp"

namespace meshd::flows {

class FlowTable {
public:
    FlowTable(boost::asio::io_context& io, const kernel::Datapath& datapath,
              std::function<const reconcile::RealizedState&()> realized, std::string cgroup_mount);

    // Before programs are attached, and when the settings have changed.
    base::Result<void> configure(const config::Flows& wanted, const config::TrackTimeouts& timeouts);
    base::Result<void> open();

    void list(const control::FlowQuery& query, control::Later later);
    void watch(const control::WatchQuery& query, control::Later later);
    void traffic(control::Later later);
    void flush(const control::FlowQuery& query, control::Later later);
    // No families when they could not be read.
    void families(std::function<void(boost::json::array)> later);

private:
    Filter filter_of(const control::FlowQuery& query) const;
    // Makes a text on the thread, and hands it on on the loop.
    void answer(std::function<base::Result<std::string>()> make, control::Later later);
    void deliver(EventLog::Part part, const std::optional<std::set<std::uint32_t>>& services, control::Later later);
    void sweep();
    void forget_what_has_gone();

    boost::asio::io_context& io_;
    const kernel::Datapath& datapath_;
    std::function<const reconcile::RealizedState&()> realized_;
    kernel::FlowMaps maps_;
    md_flow_config decided_{};
    config::TrackTimeouts timeouts_;
    Watcher watcher_;
    boost::asio::steady_timer sweep_timer_;
    std::uint64_t sweeps_ = 0;

    // Of the thread.
    CgroupNames cgroups_;
    Sweeper sweeper_;
    Totaller totaller_;
    Background background_;  // last: it ends first
};

}  // namespace meshd::flows
