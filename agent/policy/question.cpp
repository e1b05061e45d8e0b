// SPDX-License-Identifier: Apache-2.0
#include "policy/question.hpp"

#include <algorithm>

namespace meshd::policy {

bool is_within(std::string_view cgroup, std::string_view workload) {
    return cgroup.starts_with(workload) && (cgroup.size() == workload.size() || cgroup[workload.size()] == '/');
}

std::size_t depth(std::string_view workload) {
    return static_cast<std::size_t>(std::count(workload.begin(), workload.end(), '/'));
}

}  // namespace meshd::policy
