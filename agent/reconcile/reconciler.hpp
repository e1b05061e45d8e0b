// SPDX-License-Identifier: Apache-2.0
// Keeps the maps as the registries want them: takes changes, plans, applies, remembers what failed, and compares everything now
// and then. Without timers and threads of its own; the caller says when.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reconcile/apply.hpp"
#include "reconcile/backend_change.hpp"
#include "reconcile/plan.hpp"

namespace meshd::reconcile {

using Clock = std::chrono::system_clock;

// What the registries say now, or what changed in it since the last time.
struct Change {
    bool full = false;      // everything: with `complete`, what is not named is gone
    bool complete = false;  // every source has answered
    std::vector<model::ServicePtr> upsert;
    std::vector<std::string> remove;
};

struct Drift {
    Clock::time_point at;
    Plan operations;  // what had to be repaired
};

// Upper bounds of the histogram of run durations, in microseconds; one more bucket holds the rest.
inline constexpr std::array<std::int64_t, 8> duration_bounds_us{100, 500, 1000, 5000, 20000, 100000, 500000, 2000000};

struct Figures {
    std::uint64_t runs = 0;              // plans that were applied
    std::uint64_t operations = 0;        // that succeeded
    std::uint64_t errors = 0;            // services whose operations failed, each time
    std::uint64_t checks = 0;            // full comparisons
    std::uint64_t drift_operations = 0;  // operations that repaired a difference nobody planned
    Clock::time_point last_at;           // of a run
    Clock::time_point last_check_at;
    std::chrono::microseconds last_duration{0};
    std::chrono::microseconds total_duration{0};                           // of all runs
    std::array<std::uint64_t, duration_bounds_us.size() + 1> durations{};  // runs by duration_bounds_us, not cumulative
};

class Reconciler {
public:
    Reconciler(Maps& maps, std::uint32_t max_services);

    // Reads the maps and takes over the ids in them. Before anything else.
    base::Result<void> adopt();

    // Told of backends after each run that changed some.
    void on_backends(OnBackends told) { on_backends_ = std::move(told); }

    // What is known from earlier until the registries answer: they may be incomplete, and remove nothing.
    void seed(std::vector<model::ServicePtr> services);

    // How services are forwarded to from now on. Before seed() and change(), or with all tables brought to it.
    void set_forwarding(const ForwardPolicy& forwarding);

    // Who tells what is known of backends besides the registry's word. Before seed() and change().
    void set_states(StatesOf states) { states_ = std::move(states); }
    void states_changed(const std::set<std::string>& services);  // of these it tells something else now

    void change(Change change);
    void retry();  // what is pending

    // Compares all of the maps with all that is desired, and repairs. The operations that it found necessary beyond what was
    // pending.
    base::Result<Plan> check();

    // The plan for another desired state. Changes nothing.
    [[nodiscard]] Plan preview(std::vector<model::ServicePtr> services, bool complete) const;

    [[nodiscard]] const ForwardPolicy& forwarding() const { return forwarding_; }
    [[nodiscard]] const model::DesiredState& desired() const { return desired_; }
    [[nodiscard]] const RealizedState& realized() const { return realized_; }
    [[nodiscard]] const std::map<std::string, std::string>& pending() const { return pending_; }  // service, why
    [[nodiscard]] const Figures& figures() const { return figures_; }
    [[nodiscard]] const std::optional<Drift>& last_drift() const { return last_drift_; }

private:
    void run(PlanResult planned, const std::set<std::string>& scope);
    void accept(const model::ServicePtr& service, std::set<std::string>& scope);
    void forget(const std::string& name);
    std::optional<std::string> conflict(const model::Service& service) const;
    void claim(const model::Service& service);
    void release(const model::Service& service);

    Maps& maps_;
    model::DesiredState desired_;
    RealizedState realized_;
    IdAllocator ids_;
    ForwardPolicy forwarding_;
    StatesOf states_;
    std::map<std::string, std::string> pending_;
    std::map<std::string, std::string> refused_;            // a version that was not taken; the one before it stays
    std::map<md_endpoint, std::string, BytesLess> claims_;  // service address or node port to the service that has it
    OnBackends on_backends_;
    Figures figures_;
    std::optional<Drift> last_drift_;
};

}  // namespace meshd::reconcile
