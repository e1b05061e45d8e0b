// SPDX-License-Identifier: Apache-2.0
// Finds and closes what still leads to backends that have left (docs/draining.md): decides when to look at all sockets, what then
// ends, and remembers it for the next agent. On the loop's thread; the looking itself is done on one of its own.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "flows/background.hpp"
#include "kernel/datapath.hpp"
#include "reconcile/reconciler.hpp"
#include "sockets/departure_file.hpp"
#include "sockets/departures.hpp"
#include "sockets/pass.hpp"

namespace meshd::sockets {

// What was ended since the agent began: [0] TCP, [1] UDP, by Why.
using Counts = std::array<std::array<std::uint64_t, whys.size()>, 2>;

struct Figures {
    Counts closed{};     // sockets
    Counts forwarded{};  // connections of others
    std::uint64_t passes = 0;
    // Of the last pass.
    std::chrono::system_clock::time_point at;
    std::chrono::microseconds took{0};
    std::uint64_t sockets = 0, namespaces = 0;
};

class StaleSockets {
public:
    struct Surroundings {
        std::function<const reconcile::Reconciler&()> reconciler;
        std::function<bool()> forwards;  // packets of others
        std::function<pid_t()> worker;   // 0: there is none
        // Something that does not work as it should, and what to do. Empty: it works.
        std::function<void(const std::string& reason, const std::string& remedy)> degraded;
    };

    // The datapath must outlive it.
    StaleSockets(boost::asio::io_context& io, const kernel::Datapath& datapath, Surroundings around,
                 const std::string& state_directory);

    // Takes over from the agent before, when that made the maps.
    void begin(bool adopted);

    // What services are about to say, or said last when their source cannot be read.
    void before_services_change(const std::vector<model::ServicePtr>& services);
    void backends_changed(const std::vector<reconcile::BackendChange>& changes);
    void services_changed();  // the registry has answered, or something else has changed tables
    void check();             // with the full comparison
    void end();               // what has to be remembered is, and nothing is begun any more

    [[nodiscard]] const Departures::All& departures() const { return departures_.all(); }
    [[nodiscard]] const Figures& figures() const { return figures_; }
    [[nodiscard]] const std::optional<Abilities>& abilities() const { return abilities_; }  // nothing: not tried out yet

private:
    struct Round;
    using RoundPtr = std::shared_ptr<Round>;

    void want();
    bool post(std::function<void()> job);
    void take_abilities(const Abilities& abilities);
    void arm();
    [[nodiscard]] Pass::Leaving leaving() const;
    void look();
    void judge(const RoundPtr& round);
    void count(const RoundPtr& round, const Ended& ended);
    void finish(const RoundPtr& round);
    void tell(const std::optional<base::Error>& problem);
    void save();

    boost::asio::io_context& io_;
    const kernel::Datapath& datapath_;
    Surroundings around_;
    DepartureFile file_;
    boost::asio::steady_timer timer_;
    Departures departures_;
    Figures figures_;
    std::optional<Abilities> abilities_;                           // once they were tried out
    bool answered_ = false;                                        // the registry has: now it is known what is gone
    bool running_ = false;                                         // a pass is under way
    std::optional<std::chrono::steady_clock::time_point> wanted_;  // another is, and when
    std::chrono::steady_clock::time_point earliest_;               // not before
    std::string boot_, saved_;
    std::optional<flows::Background> background_;  // last: its jobs use the others; nothing after end()
};

// Of CLOCK_BOOTTIME.
std::uint64_t boottime_ns();

}  // namespace meshd::sockets
