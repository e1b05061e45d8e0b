// SPDX-License-Identifier: Apache-2.0
// From what the configuration asks for and what the self-test has proved to what the programs are told. Pure but for looking up
// users and cgroups that exclusions name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "acceleration/verdict.hpp"
#include "config/acceleration.hpp"
#include "meshd/abi.h"

namespace meshd::acceleration {

// Facts of this host and of this agent.
struct Surroundings {
    std::string cgroup_mount;                   // exclusions name cgroups below it
    std::optional<std::uint64_t> own_cgroup;    // id; nothing when it is the one that is served
    std::optional<uid_t> worker_user;           // nothing when it is root
    std::optional<std::uint16_t> metrics_port;  // the worker's own listener
    std::uint64_t largest_receive_buffer = 0;   // net.ipv4.tcp_rmem[2], bytes
    std::uint64_t page_size = 4096;
};

// This host's, as far as the kernel tells.
Surroundings look_around(const std::string& served_cgroup);

struct Policy {
    config::AccelerationMode mode = config::AccelerationMode::off;  // never automatic
    std::string reason, remedy;
    bool refused = false;  // the configuration asks for more than the self-test allows
    md_acceleration value{};
    std::vector<md_exclusion> exclusions;
    std::vector<std::string> unknown;  // exclusions that name no user or cgroup of this host, in words
};

Policy make_policy(const config::Acceleration& wanted, const Verdict& verdict, const Surroundings& here);

}  // namespace meshd::acceleration
