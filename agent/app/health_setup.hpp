// SPDX-License-Identifier: Apache-2.0
// Keeps how backends stand: from what the worker's probes say, people, and the kernel's ejections, to tables without them.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "app/context.hpp"

namespace meshd::app {

class HealthSetup {
public:
    explicit HealthSetup(Context& context) : context_(context) {}

    // With datapath and reconciler, and what the maps hold read. `replanned` is told after tables were made anew.
    void begin(boost::asio::io_context& io, std::function<void()> replanned, std::function<void(const channel::Ejected&)> watch);
    void worker_ready();        // a worker that was told nothing yet
    base::Result<void> open();  // from here on it hears of ejections

    void before_services_change(const reconcile::Change& change);
    void services_changed(const std::set<std::string>& services);  // tables are made
    void services_changed();                                       // of all
    void take(const channel::HealthReport& report);
    void check();  // compares with the kernel's maps

private:
    void tell_panic();

    Context& context_;
    std::optional<health::BackendHealth> health_;
    std::function<void(const channel::Ejected&)> watch_;
};

}  // namespace meshd::app
