// SPDX-License-Identifier: Apache-2.0
// Where the kubelet keeps the cgroups of pods (pkg/kubelet/cm of Kubernetes), by either of its cgroup drivers. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meshd::steering {

// Where a pod may be, whatever its QoS class is, below a cgroup root of the kubelet ("/" by default). Nothing for a uid that is
// none: it becomes part of a path.
std::vector<std::string> pod_cgroups(std::string_view root, std::string_view uid);

// Those that all pods are below.
std::vector<std::string> all_pods_cgroups(std::string_view root);

}  // namespace meshd::steering
