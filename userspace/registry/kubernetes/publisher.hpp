// SPDX-License-Identifier: Apache-2.0
// Brings what a cluster's objects mean to the intake: services that were touched, or all of them. A MeshConfiguration that gives
// a service of the same name goes before.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "registry/intake.hpp"
#include "registry/kubernetes/cluster.hpp"
#include "registry/units.hpp"

namespace meshd::registry::kubernetes {

class Publisher {
public:
    Publisher(Cluster& cluster, Intake& intake, const Units& configurations)
        : cluster_(cluster), intake_(intake), configurations_(configurations) {}

    void publish_touched();
    // `knows_configurations`: what neither a Service nor a MeshConfiguration gives is gone.
    void publish_all(bool knows_configurations);

    [[nodiscard]] std::vector<HealthCheckPort> health_check_ports() const;
    // Whether they may be others than at the last call.
    bool take_health_checks_changed() { return std::exchange(health_checks_changed_, false); }

private:
    [[nodiscard]] std::vector<model::Service> translated(const std::string& key);
    void forget(const std::string& key);
    void say_hidden(const std::string& key, bool is_hidden);
    void take_side_effects(const std::string& key, Translation& translation);

    Cluster& cluster_;
    Intake& intake_;
    const Units& configurations_;
    std::set<std::string> with_rules_;  // keys of services
    std::map<std::string, std::vector<std::string>> notes_;
    std::map<std::string, HealthCheckPort> health_checks_;
    bool health_checks_changed_ = false;
};

}  // namespace meshd::registry::kubernetes
