// SPDX-License-Identifier: Apache-2.0
// What anybody can see of a node on which no agent answers.
#pragma once

#include <string>

#include "agent.hpp"

namespace meshd::meshctl {

struct NodePlaces {
    std::string configuration = "/etc/meshd/meshd.yaml";
    std::string types = "/sys/kernel/btf/vmlinux";
    std::string mounts = "/proc/self/mountinfo";
    std::string release{};  // of the kernel; empty: the running one's
};

// In the form of GET /v1/doctor. `agent`: why it cannot be asked.
json::object checks_without_agent(const NodePlaces& places, const Failure& agent);

// The agent's own findings, or those without it.
Result<json::object> examine(const Agent& agent, const NodePlaces& places);

// "6.1.0-37-amd64" is at least "5.10".
bool is_at_least(const std::string& release, const std::string& oldest);

}  // namespace meshd::meshctl
