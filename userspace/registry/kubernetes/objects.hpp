// SPDX-License-Identifier: Apache-2.0
// What this node needs of the objects of Kubernetes: values, made from their JSON. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/flyweight.hpp>
#include <boost/flyweight/no_locking.hpp>
#include <boost/json/object.hpp>

#include "base/address.hpp"
#include "base/error.hpp"
#include "base/prefix.hpp"
#include "model/pod.hpp"

namespace meshd::registry::kubernetes {

// Text that many objects share: names of nodes, zones and ports. All on one thread.
using Word = boost::flyweights::flyweight<std::string, boost::flyweights::no_locking>;

enum class Traffic : std::uint8_t { cluster, local };                       // which endpoints take it: any, or those of this node
enum class Distribution : std::uint8_t { anywhere, same_zone, same_node };  // what is preferred where no hints are given

struct ServicePortSpec {
    Word name;
    std::uint16_t number = 0;
    std::uint16_t node_port = 0;
    std::optional<base::Protocol> protocol = base::Protocol::tcp;  // nothing: one that is not balanced here, SCTP

    bool operator==(const ServicePortSpec&) const = default;
};

struct Service {
    std::string key;                                 // "NAMESPACE/NAME"
    std::vector<base::IpAddress> cluster_ips;        // none: headless, or a name elsewhere
    std::vector<base::IpAddress> external_ips;       // spec.externalIPs
    std::vector<base::IpAddress> load_balancer_ips;  // that its load balancer leaves in packets
    std::vector<base::Prefix> source_ranges;         // who may come by a load balancer; none: all
    std::vector<ServicePortSpec> ports;
    std::uint32_t affinity_s = 0;  // sessionAffinity ClientIP; 0: none
    Traffic internal = Traffic::cluster;
    Traffic external = Traffic::cluster;
    Distribution distribution = Distribution::anywhere;
    std::uint16_t health_check_port = 0;

    bool operator==(const Service&) const = default;
};

struct SlicePort {
    Word name;
    std::uint16_t number = 0;
    std::optional<base::Protocol> protocol = base::Protocol::tcp;

    bool operator==(const SlicePort&) const = default;
};

struct Endpoint {
    base::IpAddress address;
    bool ready = true;
    bool serving = true;
    bool terminating = false;
    Word node;  // empty: not known
    Word zone;
    std::vector<Word> for_zones;  // hints; none: not given
    std::vector<Word> for_nodes;

    bool operator==(const Endpoint&) const = default;
};

struct Slice {
    std::string key;      // "NAMESPACE/NAME"
    std::string service;  // "NAMESPACE/NAME" of the service that it belongs to; empty: none
    std::vector<SlicePort> ports;
    std::vector<Endpoint> endpoints;  // none for addresses that are names

    bool operator==(const Slice&) const = default;
};

struct Node {
    std::string name;
    Word region;  // of its labels; empty: not known
    Word zone;
    std::vector<base::IpAddress> addresses;  // internal ones, then external ones, when the whole object was asked for

    bool operator==(const Node&) const = default;
};

// A pod, and whether it is of no interest: its containers have ended for good, or it stands for one that the kubelet has of a
// file, which has no service account, and whose cgroup has another name.
struct PodObject {
    model::Pod pod;
    bool is_left_out = false;

    bool operator==(const PodObject&) const = default;
};

// "NAMESPACE/NAME", or "NAME" of what has no namespace; empty when the object does not tell its name.
std::string key_of(const boost::json::object& object);
// metadata.resourceVersion, empty when there is none
std::string version_of(const boost::json::object& object);

// An object that is not as Kubernetes has it is refused whole; the error names it and the place in it.
base::Result<Service> parse_service(const boost::json::object& object);
base::Result<Slice> parse_slice(const boost::json::object& object);  // of discovery.k8s.io/v1 and v1beta1
base::Result<Node> parse_node(const boost::json::object& object);    // or its metadata alone
base::Result<PodObject> parse_pod(const boost::json::object& object);

}  // namespace meshd::registry::kubernetes
