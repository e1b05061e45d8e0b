// SPDX-License-Identifier: Apache-2.0
// The one place that knows how each backend stands: what the registry says, a person's word, the kernel's ejections and the
// probes, merged. Pure: without clock, timers and maps; the caller says what time it is and passes on what has changed.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "health/health_table.hpp"
#include "health/standing.hpp"
#include "model/service.hpp"
#include "reconcile/states.hpp"

namespace meshd::health {

// A person's word about a backend. Holds for it on each port of the service.
struct Override {
    model::BackendState state = model::BackendState::ready;
    Clock::time_point since;
    std::optional<Clock::time_point> until;

    bool operator==(const Override&) const = default;
};

// Names a backend as people do: "web/10.0.0.1:8080".
struct BackendName {
    std::string service;
    base::SocketAddress endpoint;

    [[nodiscard]] std::string text() const { return service + "/" + endpoint.text(); }
    auto operator<=>(const BackendName&) const = default;
};
using Overrides = std::map<BackendName, Override>;

// The kernel passes over the backend.
struct Ejection {
    Clock::time_point since, until;
    std::string reason;  // "5 failures in a row, the last was refused"
};

class BackendStates {
public:
    struct Changes {
        std::vector<Change> backends;
        std::vector<PanicChange> panics;
        std::set<std::string> services;  // whose tables are to be made anew
        [[nodiscard]] bool empty() const { return backends.empty() && panics.empty(); }
    };

    // Too few backends of a port are usable, so that unhealthy and ejected ones are used.
    struct Panic {
        std::size_t usable = 0, counted = 0;
    };

    explicit BackendStates(const HealthTable& probes) : probes_(probes) {}  // it must outlive this

    void set_overrides(Overrides overrides) { overrides_ = std::move(overrides); }
    void set_override(const BackendName& backend, const Override& word) { overrides_[backend] = word; }
    bool clear_override(const BackendName& backend) { return overrides_.erase(backend) != 0; }
    [[nodiscard]] const Overrides& overrides() const { return overrides_; }
    // Takes out what has ended; its services are to be looked at again.
    std::set<std::string> expire_overrides(Clock::time_point now);
    [[nodiscard]] std::optional<Clock::time_point> next_expiry() const;

    void set_ejected(const BackendKey& backend, Ejection ejection) { ejected_[backend] = std::move(ejection); }
    bool clear_ejected(const BackendKey& backend) { return ejected_.erase(backend) != 0; }
    [[nodiscard]] const std::map<BackendKey, Ejection>& ejected() const { return ejected_; }

    // Looks at a service again: after each of the above, and when its registry or its probes say something else. What was found
    // is remembered as the state of now. `is_first`: nobody is told, it was so before this agent looked.
    Changes look(const model::Service& service, Clock::time_point now, bool is_first = false);
    void forget(const std::string& service);  // it is gone

    [[nodiscard]] Standing standing(const BackendKey& backend) const;
    [[nodiscard]] bool in_panic(const reconcile::PortKey& port) const { return panics_.contains(port); }
    [[nodiscard]] const std::map<reconcile::PortKey, Panic>& panics() const { return panics_; }
    // For the plan. By what is known at this moment: look() or not.
    [[nodiscard]] reconcile::PortStates states(const model::Service& service, const model::ServicePort& port) const;

    // How many backends are in which state, of those that look() has seen in another than ready.
    [[nodiscard]] const std::map<BackendKey, Standing>& known() const { return known_; }

private:
    struct Judged {
        std::vector<Standing> standings;
        bool panic = false;
        std::size_t usable = 0, counted = 0;
    };
    [[nodiscard]] Standing judge(const model::Service& service, const model::ServicePort& port,
                                 const model::Backend& backend) const;
    [[nodiscard]] Judged judge(const model::Service& service, const model::ServicePort& port) const;

    const HealthTable& probes_;
    Overrides overrides_;
    std::map<BackendKey, Ejection> ejected_;
    std::map<BackendKey, Standing> known_;  // of backends that are, or have been, in another state than ready
    std::map<reconcile::PortKey, Panic> panics_;
};

}  // namespace meshd::health
