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
#include "model/flow_export.hpp"
#include "reconcile/realized_state.hpp"

namespace meshd::flows {

// In the form of an answer to those who watch.
struct ExportedEvents {
    boost::json::array events;
    std::uint64_t lost = 0;          // before these
    model::ChangeCounts left_out{};  // that are not in the sample
};

class FlowTable {
public:
    FlowTable(boost::asio::io_context& io, const kernel::Datapath& datapath,
              std::function<const reconcile::RealizedState&()> realized, std::string cgroup_mount);

    // Before programs are attached, and when the settings have changed. `has_devices`: some are looked at.
    base::Result<void> configure(const config::Flows& wanted, bool has_devices, const config::TrackTimeouts& timeouts);
    base::Result<void> open();
    void pods_changed(const std::vector<model::Pod>& pods);  // of this node

    void list(const control::FlowQuery& query, control::Later later);
    void watch(const control::WatchQuery& query, control::Later later);
    void traffic(control::Later later);
    void flush(const control::FlowQuery& query, control::Later later);
    // What `choice` wants of all events from now on, nothing if it wants no change. `deliver` is called on a thread, with as many
    // events as came together.
    base::Result<void> follow(const model::FlowChoice& choice, std::function<void(ExportedEvents)> deliver);
    // A flow that ended without the programs: for those who watch.
    void tell(const md_flow_event& event) { watcher_.tell(event); }
    // No families when they could not be read.
    void families(std::function<void(boost::json::array)> later);

private:
    Filter filter_of(const control::FlowQuery& query) const;
    NamesPtr names();
    // Makes a text on the thread, and hands it on on the loop.
    void answer(Background& thread, std::function<base::Result<std::string>()> make, control::Later later);
    void deliver(EventLog::Part part, const std::optional<std::set<std::uint32_t>>& services, control::Later later);
    void sweep();
    void retire();
    base::Result<void> sweep_now(bool whole, const config::TrackTimeouts& timeouts);

    boost::asio::io_context& io_;
    const kernel::Datapath& datapath_;
    std::function<const reconcile::RealizedState&()> realized_;
    kernel::FlowMaps maps_;
    md_flow_config decided_{};
    config::TrackTimeouts timeouts_;
    Watcher watcher_;
    boost::asio::steady_timer sweep_timer_;
    std::uint64_t sweeps_ = 0;
    std::uint64_t not_followed_ = 0;  // events that the thread had no time for
    NamesPtr names_;
    PodNames pods_;
    std::uint64_t retired_ = 0;  // generation of names that the last retire() was for

    // Of `questions_`.
    CgroupNames cgroups_;
    // Of `upkeep_`.
    Sweeper sweeper_;
    Totaller totaller_;
    bool sweeps_again_ = false;
    // Last: they end first. Two of them, so that long listings make no scrape wait.
    Background questions_;
    Background upkeep_;
};

}  // namespace meshd::flows
