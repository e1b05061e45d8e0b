// SPDX-License-Identifier: Apache-2.0
// Which pod a cgroup is of: the kubelet writes its uid into the path (steering/pod_cgroups.hpp has the names). Pure.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/pod.hpp"

namespace meshd::flows {

class PodNames {
public:
    PodNames() = default;
    explicit PodNames(const std::vector<model::Pod>& pods);

    // "shop/web-0" of "/kubepods.slice/kubepods-pod<uid>.slice/…"; empty: no pod that is known.
    [[nodiscard]] std::string_view name_of(std::string_view cgroup) const;

private:
    std::unordered_map<std::string, std::string> names_;  // by uid
};

}  // namespace meshd::flows
