// SPDX-License-Identifier: Apache-2.0
// What rules name, as it is on this host now.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/prefix.hpp"
#include "meshd/abi.h"

namespace meshd::policy {

struct Surroundings {
    std::map<std::string, std::vector<md_endpoint>, std::less<>> services;  // by name: its addresses, ports and protocols
    std::map<std::string, std::uint64_t, std::less<>> workloads;            // by path: id of the cgroup; those that exist
    // What a socket may have that is bound to no address: of this node, without loopback.
    std::vector<base::Prefix> local_v4, local_v6;
    std::uint64_t netns = 0;        // cookie of the agent's network namespace; 0: this kernel does not tell
    std::uint32_t exempt_user = 0;  // uid of the worker; 0: none

    [[nodiscard]] bool operator==(const Surroundings& other) const;

    // What no local socket is bound to, and nothing is known of.
    static std::vector<base::Prefix> unknown_v4() { return {*base::Prefix::parse("0.0.0.0/0")}; }
    // Global, unique local and link-local unicast: what a source can be.
    static std::vector<base::Prefix> unknown_v6() {
        return {*base::Prefix::parse("2000::/3"), *base::Prefix::parse("fc00::/7"), *base::Prefix::parse("fe80::/10")};
    }
};

// Addresses and namespace of this host; services, workloads and the user are the caller's.
void look_at_network(Surroundings& here);
// Looks the cgroup up below the mount; adds nothing when there is none.
void look_at_workload(Surroundings& here, const std::string& mount, const std::string& workload);

}  // namespace meshd::policy
