// SPDX-License-Identifier: Apache-2.0
// The short way as the agent runs it: what the programs are told, pauses, services that were learned to gain nothing, and the
// connections that leave. Everything on the thread of the agent's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "acceleration/learner.hpp"
#include "acceleration/leaver.hpp"
#include "acceleration/policy.hpp"
#include "acceleration/verdict.hpp"
#include "config/acceleration.hpp"
#include "kernel/ring.hpp"
#include "kernel/short_way.hpp"
#include "reconcile/realized_state.hpp"

namespace meshd::acceleration {

// Until when something rests; nothing: until it is resumed.
using Until = std::optional<std::chrono::steady_clock::time_point>;

class Accelerator {
public:
    // `realized` tells which ids services have, at any time.
    Accelerator(boost::asio::io_context& io, const kernel::Datapath& datapath,
                std::function<const reconcile::RealizedState&()> realized);

    // In this order: pauses that an earlier agent left in the maps, what to do, then open() to hear of connections that leave.
    // configure() again whenever something changed; an error leaves what was in force.
    base::Result<void> adopt_pauses();
    base::Result<void> configure(const config::Acceleration& wanted, Verdict verdict, const Surroundings& here);
    base::Result<void> open();

    // Services have come or gone, or changed their ids.
    base::Result<void> services_changed();

    base::Result<void> pause(const std::optional<std::string>& service, std::optional<std::chrono::seconds> duration);
    base::Result<void> resume(const std::optional<std::string>& service);  // without a service: everything

    // Before programs and maps are removed, when nothing enrols sockets any more: every pair leaves. How many could not, since
    // their readers did not read: their sockets stay as they are until they are closed.
    static base::Result<std::size_t> wind_down(const kernel::Datapath& datapath, std::chrono::seconds patience);

    [[nodiscard]] const Policy& policy() const { return policy_; }
    [[nodiscard]] const Verdict& verdict() const { return verdict_; }
    [[nodiscard]] const config::Acceleration& wanted() const { return wanted_; }
    [[nodiscard]] const kernel::ShortWay& short_way() const { return short_way_; }
    [[nodiscard]] const Leaver& leaver() const { return leaver_; }
    [[nodiscard]] bool paused() const { return paused_; }
    [[nodiscard]] Until paused_until() const { return paused_until_; }
    [[nodiscard]] const std::map<std::string, Until>& paused_services() const { return paused_services_; }
    [[nodiscard]] const Learner& learner() const { return learner_; }

private:
    void on_event(const md_event& event);
    void wait_for_events();
    void schedule_look();
    void look();                // now and then: what ended by time, and what no event told
    base::Result<void> tell();  // the programs, everything
    base::Result<bool> tell_halts();
    void expire(std::chrono::steady_clock::time_point now);
    void find_strays();
    void judge_services(const std::vector<std::pair<std::uint64_t, md_pair>>& pairs);
    void turn_off(const std::string& service, Learner::Clock::duration duration);

    const kernel::Datapath& datapath_;
    kernel::ShortWay short_way_;
    std::function<const reconcile::RealizedState&()> realized_;
    Leaver leaver_;
    Learner learner_;
    Verdict verdict_;
    config::Acceleration wanted_;
    Policy policy_;
    bool paused_ = false;
    Until paused_until_;
    std::map<std::string, Until> paused_services_;
    std::optional<kernel::RingReader> events_;
    boost::asio::posix::stream_descriptor descriptor_;
    boost::asio::steady_timer timer_;
    unsigned looks_ = 0;
    std::optional<std::map<std::string, Learner::Messages>> sent_;  // by service, at the last judgement
};

}  // namespace meshd::acceleration
