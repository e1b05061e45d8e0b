// SPDX-License-Identifier: Apache-2.0
// What identities name on this host: cgroups and users, by the numbers that the kernel knows them by.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"
#include "kernel/tls_maps.hpp"
#include "model/tls.hpp"

namespace meshd::steering {

struct NamedIdentity {
    model::WorkloadIdentity wanted;
    std::map<std::uint64_t, std::string> cgroups;  // id -> path below the mount
    std::optional<uid_t> user;

    bool operator==(const NamedIdentity&) const = default;
    [[nodiscard]] bool names_nothing() const { return cgroups.empty() && !user; }
};

// Where pods are, when identities name any. Of those that are not known yet, or that are none of the API server's, nobody knows
// whose identity they have: what they open is refused where it has to be encrypted.
struct PodPlaces {
    std::vector<std::string> roots{};    // cgroup roots of kubelets; none: no identity names pods
    std::vector<std::string> of_node{};  // uids of pods that no identity names

    bool operator==(const PodPlaces&) const = default;
};

// Whose identity the sockets of a process have that it opens now.
struct ProcessIdentity {
    std::string name;         // empty: the node's
    bool is_unknown = false;  // nobody's: it is in the cgroup of a pod that is not known
    std::string cgroup;       // path below the mount, when that decided
    std::string user;         // as the identity says it, when that decided
    std::string process_cgroup;
    uid_t process_user = 0;
};

class Identities {
public:
    explicit Identities(std::string mount) : mount_(std::move(mount)) {}

    // The cgroup of a unit is looked for in the whole hierarchy, which takes some milliseconds.
    void set(const std::vector<model::WorkloadIdentity>& wanted, PodPlaces pods = {});
    void look_everywhere();
    // Only where cgroups were, and units of the system are: cheap enough for each second. True when something changed.
    bool look_again();

    [[nodiscard]] const std::vector<NamedIdentity>& all() const { return all_; }
    [[nodiscard]] kernel::Identities entries() const;

    // Fails when there is no such process. `proc`: where the kernel tells of processes.
    [[nodiscard]] base::Result<ProcessIdentity> of_process(pid_t pid, const std::string& proc = "/proc") const;

private:
    [[nodiscard]] std::optional<std::uint64_t> id_of(const std::string& path) const;
    using Cgroups = std::map<std::uint64_t, std::string>;  // id -> path below the mount
    void look_at(NamedIdentity& identity) const;
    void look_at_pods();
    void look_for_pod(const std::string& uid, Cgroups& found) const;

    std::string mount_;
    std::vector<NamedIdentity> all_;
    PodPlaces pods_;
    Cgroups of_node_, unknown_;                                        // of pods: that go out as the node's; that hold them all
    std::map<std::string, std::set<std::string>, std::less<>> homes_;  // unit -> paths of the cgroups that had it
};

}  // namespace meshd::steering
