// SPDX-License-Identifier: Apache-2.0
// How the policy and the limits come into force: rules from the registry, what they name from this host, and what cannot be done
// as a degradation. What is in force stays until something whole can take its place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/context.hpp"
#include "channel/messages.hpp"
#include "forwarding/device_watch.hpp"
#include "kernel/limit_maps.hpp"
#include "kernel/policy_maps.hpp"
#include "policy/compile.hpp"
#include "policy/policy_file.hpp"

namespace meshd::app {

class PolicySetup {
public:
    PolicySetup(boost::asio::io_context& io, Context& context);

    // With programs loaded and maps read. A policy that is in force goes on until the registry has answered.
    base::Result<void> begin();
    // Before programs are attached for the first time: what was known last is in force from the first call on.
    base::Result<void> before_attach();

    void set_rules(channel::Policies policies);
    void settings_changed();
    // Before the services change: what rules say of the new ones must hold when they are there.
    void before_services_change(const std::vector<model::ServicePtr>& upsert);
    void services_changed();  // after it
    void check();             // with the full comparison: what differs from what was put there is put there again

    [[nodiscard]] const policy::Compiled* in_force() const { return in_force_ ? &*in_force_ : nullptr; }
    [[nodiscard]] const std::vector<model::Rule>& rules() const { return rules_; }
    [[nodiscard]] const policy::Surroundings& surroundings() const { return here_; }
    [[nodiscard]] const kernel::PolicyMaps& maps() const { return *maps_; }
    [[nodiscard]] const kernel::LimitMaps& limits() const { return *limits_; }
    // Why a rule does nothing right now; empty when it does.
    [[nodiscard]] std::string note(const model::Rule& rule) const;
    [[nodiscard]] const std::string& cgroup_mount() const { return cgroup_mount_; }
    // How often rules were compiled since the start: when they, the settings or what they name has changed.
    [[nodiscard]] std::uint64_t compiled() const { return compiled_; }

private:
    // Compiles and puts in force. Only when something around has changed, or with `anyway`.
    void refresh(bool anyway, const std::vector<model::ServicePtr>& coming = {});
    base::Result<void> put(policy::Compiled compiled);
    base::Result<void> compile_and_put(const std::vector<model::Rule>& rules);
    [[nodiscard]] policy::Surroundings look_around(const std::vector<model::ServicePtr>& coming) const;
    void find_service(policy::Surroundings& here, const std::string& name, const std::vector<model::ServicePtr>& coming) const;
    void network_changed();
    // Until the registry has answered, what an earlier agent put in force is not touched.
    [[nodiscard]] bool is_in_charge() const { return answered_ || in_force_.has_value(); }
    void set_limits();
    void repair_limits();
    void wait();

    Context& context_;
    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    std::optional<kernel::PolicyMaps> maps_;
    std::optional<kernel::LimitMaps> limits_;
    std::set<std::string> limited_;  // services that say a limit
    policy::PolicyFile file_;
    std::unique_ptr<forwarding::DeviceWatch> network_watch_;
    std::string cgroup_mount_;
    policy::Surroundings network_;  // addresses, namespace and user: what does not depend on rules
    std::vector<model::Rule> rules_;
    bool answered_ = false;  // the registry has; before, what an earlier agent put in force is not touched
    policy::Surroundings here_;
    std::optional<policy::Compiled> in_force_;  // as this agent put it
    std::uint64_t compiled_ = 0;
    bool is_behind_ = false;  // what was compiled last could not be put in force
    unsigned ticks_ = 0;
};

}  // namespace meshd::app
