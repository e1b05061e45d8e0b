// SPDX-License-Identifier: Apache-2.0
// Pods of Kubernetes that run on this node, and the identities that their connections have. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/tls.hpp"

namespace meshd::model {

struct Pod {
    std::string uid;
    std::string pod_namespace;
    std::string name;
    std::string service_account;
    Labels labels{};

    [[nodiscard]] std::string full_name() const { return pod_namespace + "/" + name; }
    bool operator==(const Pod&) const = default;
};

inline constexpr std::size_t max_pods = 1024;      // of one node
inline constexpr std::size_t max_pod_labels = 64;  // of one pod
inline constexpr std::size_t max_pod_label = 317;  // bytes of a label's key: a prefix of 253, a slash, a name of 63
inline constexpr std::size_t max_pod_value = 63;   // bytes of its value

// As the API server makes them: 8-4-4-4-12 lower case hexadecimal digits. It becomes part of a path.
bool is_pod_uid(std::string_view text);
// A DNS subdomain, as names of pods and service accounts are; a namespace is a label of one.
bool is_pod_name(std::string_view text);
// Why it is no pod; empty: it is one.
std::string why_no_pod(const Pod& pod);

bool fits(const PodSelector& selector, const Pod& pod);

// `text` with what {namespace}, {service_account} and {pod} stand for. Nothing of it has a slash.
std::string filled(std::string_view text, const Pod& pod);

// The identities of this node: those that name pods are as many as the pods make of them, each with the uids of its pods; a pod
// has the first that fits. What would be no name of an identity, or one too many, is left out. Others stay as they are.
std::vector<WorkloadIdentity> with_pods(const std::vector<WorkloadIdentity>& identities, const std::vector<Pod>& pods);

// Uids of those that no entry fits: their connections go out as the node's.
std::vector<std::string> pods_of_node(const std::vector<WorkloadIdentity>& identities, const std::vector<Pod>& pods);

// Pods that an entry fits and that have no identity in `made`, which with_pods() made: their connections are refused.
std::vector<Pod> pods_without_identity(const std::vector<WorkloadIdentity>& identities, const std::vector<WorkloadIdentity>& made,
                                       const std::vector<Pod>& pods);

bool names_pods(const std::vector<WorkloadIdentity>& identities);

}  // namespace meshd::model
