// SPDX-License-Identifier: Apache-2.0
// Keeps the states of backends: hears of the kernel's ejections and ends them, keeps people's words over restarts, has tables
// made anew when a state asks for it, and tells of each change. On the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "health/backend_states.hpp"
#include "health/event_feed.hpp"
#include "health/override_file.hpp"
#include "health/steady_wall.hpp"
#include "kernel/eject_maps.hpp"
#include "kernel/ring.hpp"
#include "reconcile/reconciler.hpp"

namespace meshd::health {

class BackendHealth {
public:
    // `replanned` is told after tables were made anew, `ejected` of each backend that the kernel ejects. Datapath, reconciler and
    // probes must outlive it.
    BackendHealth(boost::asio::io_context& io, const kernel::Datapath& datapath, reconcile::Reconciler& reconciler,
                  const std::string& state_directory, const HealthTable& probes, std::function<void()> replanned,
                  std::function<void(const BackendKey&)> ejected);

    // Before the first plan, with maps read: what was known before this agent. A file of words that cannot be used is an error
    // that the agent lives on with.
    base::Result<void> load();
    base::Result<void> open();  // from here on it hears of ejections

    // The registry has changed these, and their tables are made; without names: all.
    void services_changed(const std::set<std::string>& services);
    void services_changed();
    void probes_changed(const std::set<std::string>& services);
    // Probes found it well: an ejection ends early.
    void readmit(const BackendKey& backend);
    void check();  // compares with the kernel's maps

    // A person's word. False: no port of the service has such a backend.
    base::Result<bool> set(const BackendName& backend, model::BackendState state, std::optional<std::chrono::seconds> duration);
    base::Result<bool> clear(const BackendName& backend);

    [[nodiscard]] const BackendStates& states() const { return states_; }
    [[nodiscard]] EventFeed& feed() { return feed_; }
    [[nodiscard]] const EventFeed& feed() const { return feed_; }
    [[nodiscard]] const SteadyWall& clock() const { return clock_; }

private:
    struct Ids {
        std::uint32_t service = 0, backend = 0;
    };

    void on_ejected(const md_ejected& event);
    void note_ejected(Ids ids, Ejection ejection);
    [[nodiscard]] std::optional<BackendKey> key_of(Ids ids) const;
    [[nodiscard]] std::optional<Ids> ids_of(const BackendKey& backend) const;
    [[nodiscard]] bool knows(const BackendName& backend) const;
    base::Result<void> keep(const Overrides& overrides) const;
    void look(const std::set<std::string>& services, bool replan);
    void tell(const BackendStates::Changes& changes);
    void put(Event event);
    void end_what_is_over();
    void schedule();
    void wait_for_events();

    kernel::EjectMaps maps_;
    const kernel::Datapath& datapath_;
    reconcile::Reconciler& reconciler_;
    OverrideFile file_;
    std::function<void()> replanned_;
    std::function<void(const BackendKey&)> ejected_;
    SteadyWall clock_;
    BackendStates states_;
    EventFeed feed_;
    LineBudget lines_;
    std::set<std::string> looked_at_;  // services; what they were like before is nobody's change
    std::optional<kernel::RingReader> events_;
    boost::asio::posix::stream_descriptor descriptor_;
    boost::asio::steady_timer timer_;
};

}  // namespace meshd::health
