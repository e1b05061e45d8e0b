// SPDX-License-Identifier: Apache-2.0
#include "flows/pod_names.hpp"

#include <algorithm>

namespace meshd::flows {

namespace {

constexpr std::size_t uid_size = 36;

// What follows "pod" at its end, or before ".slice", where driver systemd has written dashes as underscores.
std::string uid_in(std::string_view name) {
    constexpr std::string_view slice = ".slice", before = "pod";
    if (name.ends_with(slice)) name.remove_suffix(slice.size());
    if (name.size() < before.size() + uid_size) return {};
    if (name.substr(name.size() - uid_size - before.size(), before.size()) != before) return {};
    std::string uid(name.substr(name.size() - uid_size));
    std::replace(uid.begin(), uid.end(), '_', '-');
    return uid;
}

}  // namespace

PodNames::PodNames(const std::vector<model::Pod>& pods) {
    for (const auto& pod : pods) names_.emplace(pod.uid, pod.full_name());
}

std::string_view PodNames::name_of(std::string_view cgroup) const {
    if (names_.empty()) return {};
    while (!cgroup.empty()) {
        const auto end = std::min(cgroup.find('/'), cgroup.size());
        if (const auto found = names_.find(uid_in(cgroup.substr(0, end))); found != names_.end()) return found->second;
        cgroup.remove_prefix(std::min(end + 1, cgroup.size()));
    }
    return {};
}

}  // namespace meshd::flows
