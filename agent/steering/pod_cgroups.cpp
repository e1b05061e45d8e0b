// SPDX-License-Identifier: Apache-2.0
#include "steering/pod_cgroups.hpp"

#include <algorithm>
#include <array>

#include "model/pod.hpp"

namespace meshd::steering {

namespace {

using Names = std::vector<std::string>;

constexpr std::string_view all_pods = "kubepods";
constexpr std::array<std::string_view, 3> classes{"", "burstable", "besteffort"};  // guaranteed ones are right below

Names names_of(std::string_view root) {
    Names names;
    while (!root.empty()) {
        const auto end = std::min(root.find('/'), root.size());
        if (end != 0) names.emplace_back(root.substr(0, end));
        root.remove_prefix(std::min(end + 1, root.size()));
    }
    return names;
}

// Driver cgroupfs: the names as they are.
std::string plain(const Names& names) {
    std::string path;
    for (const auto& name : names) path += "/" + name;
    return path;
}

// Driver systemd: each is a slice within the one before, whose name has those of all above (systemd.slice(5)). A dash of a name
// would be another level. Of the root, "kubelet.slice" is written as well as "kubelet".
std::string as_slices(const Names& names) {
    std::string path, whole;
    for (auto name : names) {
        if (name.ends_with(".slice")) name.resize(name.size() - std::string_view(".slice").size());
        std::replace(name.begin(), name.end(), '-', '_');
        whole += (whole.empty() ? "" : "-") + name;
        path += "/" + whole + ".slice";
    }
    return path;
}

}  // namespace

std::vector<std::string> pod_cgroups(std::string_view root, std::string_view uid) {
    if (!model::is_pod_uid(uid)) return {};
    std::vector<std::string> all;
    for (const auto of_class : classes) {
        auto names = names_of(root);
        names.emplace_back(all_pods);
        if (!of_class.empty()) names.emplace_back(of_class);
        names.push_back("pod" + std::string(uid));
        all.push_back(as_slices(names));
        all.push_back(plain(names));
    }
    return all;
}

std::vector<std::string> all_pods_cgroups(std::string_view root) {
    auto names = names_of(root);
    names.emplace_back(all_pods);
    return {as_slices(names), plain(names)};
}

}  // namespace meshd::steering
