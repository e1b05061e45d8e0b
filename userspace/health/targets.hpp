// SPDX-License-Identifier: Apache-2.0
// The targets of all services. Those that a change of the registry leaves as they are go on as if nothing had happened.
#pragma once

#include <functional>
#include <map>
#include <string_view>
#include <unordered_map>

#include "health/target.hpp"

namespace meshd::health {

class Targets {
public:
    // `seed` is of this node, so that nodes do not probe in step.
    explicit Targets(std::uint64_t seed) : seed_(seed) {}

    using Joined = std::function<void(Target&, const Subscriber&)>;

    // Also for a service that has no health, or none any more. `joined` is called for each subscriber that was not there, of new
    // targets and of old ones.
    void set(const model::Service& service, Clock::time_point now, const Joined& joined);
    void remove(const std::string& service);
    void clear();

    [[nodiscard]] Target* find(std::uint64_t id);
    [[nodiscard]] std::size_t size() const { return by_id_.size(); }
    // Names of the services that are probed and that `keep` does not want.
    [[nodiscard]] std::vector<std::string> services_without(const std::function<bool(const std::string&)>& keep) const;

private:
    using Subscription = std::pair<TargetKey, Subscriber>;
    ProbePtr shared(const model::Probe& probe);
    Target& target(const ProbePtr& probe, const TargetKey& key, Clock::time_point now);
    void leave(const Subscription& subscription);

    std::uint64_t seed_;
    std::uint64_t last_id_ = 0;
    std::map<model::Probe, std::weak_ptr<const model::Probe>> probes_;  // each different one once
    std::map<TargetKey, std::uint64_t> ids_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Target>> by_id_;
    std::map<std::string, std::vector<Subscription>> services_;  // sorted
};

}  // namespace meshd::health
