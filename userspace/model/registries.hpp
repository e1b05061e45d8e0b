// SPDX-License-Identifier: Apache-2.0
// Which registries are followed beside the directory of files, as meshd.yaml says it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace meshd::model {

// How a server that speaks HTTP is reached. Files are read by the worker's user, and again when they change.
struct ServerAccess {
    std::string token_file;   // what it holds, without white space at the ends, is the token; empty: none
    std::string ca;           // https: PEM file of the certificates that may have signed the server's; empty: those of the system
    std::string certificate;  // PEM file of ours, for servers that ask; empty: none
    std::string key;          // its key
    std::string server_name;  // that the server's certificate must have; empty: the host of the address

    bool operator==(const ServerAccess&) const = default;
};

enum class ConsulReads : std::uint8_t { standard, stale, consistent };  // "default", "stale", "consistent"

struct ConsulRegistry {
    std::string name = "consul";  // unique among all registries
    std::string url;              // http(s)://HOST[:PORT], without a slash at its end
    ServerAccess access;
    std::string datacenter;    // empty: that of the Consul agent which answers
    std::string partition_ns;  // its "namespace": of Consul Enterprise; empty: none is named
    ConsulReads reads = ConsulReads::standard;
    bool discover = true;  // services that have an address of their own in Consul are followed without being named in a file
    std::string keys;      // prefix of Consul's keys whose values are registry files: "meshd/"; empty: none

    bool operator==(const ConsulRegistry&) const = default;
};

struct EtcdRegistry {
    std::string name = "etcd";
    std::vector<std::string> endpoints;  // http(s)://HOST[:PORT], at least one
    ServerAccess access;                 // without token_file
    std::string user;                    // empty: etcd is not asked for a token
    std::string password_file;
    std::string prefix = "/meshd/";  // of keys whose values are registry files

    bool operator==(const EtcdRegistry&) const = default;
};

struct KubernetesRegistry {
    std::string name = "kubernetes";
    std::string kubeconfig;         // file; empty: that of a pod, /var/run/secrets/kubernetes.io/serviceaccount
    std::string context;            // of the kubeconfig; empty: its current one
    std::string node;               // name of this node; empty: $NODE_NAME, else the host's name
    bool pods = false;              // those of this node are followed; the agent says so, too, when an identity names pods
    bool hosts = false;             // addresses of all nodes are followed; the agent says so when it encrypts
    std::string cgroup_root = "/";  // below which the kubelet keeps the cgroups of pods

    bool operator==(const KubernetesRegistry&) const = default;
};

struct DnsSettings {
    std::vector<base::SocketAddress> servers;  // none: those of /etc/resolv.conf
    std::chrono::milliseconds least_ttl{1000};
    std::chrono::milliseconds most_ttl{300'000};

    bool operator==(const DnsSettings&) const = default;
};

// An answer that would take away more than `share` of the backends of a service, or of the services of a registry, is held for
// `time` and taken when a second answer then says the same.
struct Hold {
    std::uint32_t share = 50;  // percent, 1 to 100; 100: nothing is held
    std::chrono::milliseconds time{5'000};

    bool operator==(const Hold&) const = default;
};

struct Registries {
    std::vector<ConsulRegistry> consul;
    std::vector<EtcdRegistry> etcd;
    std::vector<KubernetesRegistry> kubernetes;
    DnsSettings dns;
    // Names of registries, "files" for the directory: of two that give a service of the same name or address, the one that stands
    // first here has it. Those that are not named come behind, in the order files, kubernetes, consul, etcd.
    std::vector<std::string> order;
    Hold hold;
    std::chrono::milliseconds resync{300'000};  // between two full comparisons with each registry

    bool operator==(const Registries&) const = default;
};

// What it is called in meshd.yaml.
inline constexpr std::array<std::string_view, 3> consul_reads{"default", "stale", "consistent"};
std::string_view name(ConsulReads reads);
std::optional<ConsulReads> parse_consul_reads(std::string_view text);

}  // namespace meshd::model
