// SPDX-License-Identifier: Apache-2.0
// What a registry says, after it has been checked: values without I/O. Whoever holds one of these may rely on the rules written
// here.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "model/balancing.hpp"
#include "model/health.hpp"
#include "model/tls.hpp"

namespace meshd::model {

enum class WhenNoBackend : std::uint8_t {
    refuse,       // ECONNREFUSED
    unreachable,  // EHOSTUNREACH
};

// What a service says about the short way: its connections whose both ends are on this host go from socket to socket.
enum class Acceleration : std::uint8_t {
    automatic,          // nothing: the configuration's default holds
    named,              // it takes the short way also where the kernel allows only services that ask for it by name
    off,                // never
    fionread_accepted,  // as named, and its programs do not trust FIONREAD, so a kernel that miscounts it will do
};

// How packets for the service that pass a device of this node reach a backend.
enum class Forward : std::uint8_t {
    automatic,  // as the configuration says
    nat,        // translated
    dsr,        // direct server return: handed on as they are, to backends that have the service's addresses
    off,        // not at all
};

enum class BackendState : std::uint8_t {
    ready,      // takes new connections
    drain,      // takes none, keeps those it has
    maint,      // out of service by an operator's word
    unhealthy,  // its registry's own checks fail: as if probes failed; a file cannot say it
};

// What this node lets through to the service; 0: no bound.
struct Limits {
    std::uint32_t connections = 0;  // open at one time, TCP
    std::uint32_t rate = 0;         // new ones a second, in the long run
    std::uint32_t burst = 0;        // at once, when there were none for a while; 0 exactly when rate is

    auto operator<=>(const Limits&) const = default;
};

// What becomes of this node's sockets, and of forwarded connections, whose backend drains or has left.
enum class DrainSockets : std::uint8_t {
    close,  // TCP at the deadline, UDP at once
    keep,   // never; there is no deadline
};

struct Drain {
    std::uint32_t deadline_s = 0;  // TCP lives for so long after its backend began to drain, or left; 0: until it ends by itself
    DrainSockets sockets = DrainSockets::close;
    DrainSockets unhealthy = DrainSockets::keep;  // of a backend whose probes fail: close ends both at once

    auto operator<=>(const Drain&) const = default;
};

inline constexpr std::uint32_t max_limit = 1000000;
inline constexpr std::uint32_t max_drain_s = 7 * 24 * 60 * 60;
inline constexpr std::uint16_t max_weight = 1000;
inline constexpr std::uint32_t max_affinity_s = 24 * 60 * 60;
inline constexpr std::size_t max_name_length = 127;      // bytes, MD_NAME_SIZE less the terminating NUL
inline constexpr std::size_t max_port_name_length = 63;  // bytes

struct Backend {
    base::SocketAddress endpoint;  // port is never 0
    std::uint16_t weight = 1;      // 0 to max_weight; 0: never chosen
    BackendState state = BackendState::ready;
    std::string locality;  // "region/zone/node" as far as it is known, or free text; empty when not given: "eu-west-1/a"
    Labels labels{};
    std::optional<base::IpAddress> host{};  // of the node it runs on, whose worker serves it; nothing: its own address

    // Whether a new connection may be given to it.
    [[nodiscard]] bool usable() const { return state == BackendState::ready && weight > 0; }
    auto operator<=>(const Backend&) const = default;
};

// One port of a service, and where it leads.
struct ServicePort {
    std::string name;          // empty when the service has one port and none was given
    std::uint16_t number = 0;  // 1 to 65535
    base::Protocol protocol = base::Protocol::tcp;
    std::vector<Backend> backends;  // in the order of the registry, endpoints differ
    // Also a port of every node, for packets that pass its devices; no other service has the same with this protocol. 0: none.
    std::uint16_t node_port = 0;

    auto operator<=>(const ServicePort&) const = default;
};

// Where the backends of a service come from when its registry file does not list them.
struct BackendsFrom {
    enum class Kind : std::uint8_t {
        consul,  // instances of a service in Consul's catalog
        dns,     // A and AAAA records; the port is the service port's target
        srv,     // SRV records
        etcd,    // what hosts announce there
    };
    Kind kind = Kind::consul;
    std::string registry;           // name of a Consul or etcd registry of meshd.yaml; empty: the only one
    std::string name;               // of the service in Consul or etcd, of the host, or of the SRV records
    std::vector<std::string> tags;  // Consul: instances have all of them
    std::string datacenter;         // Consul: empty: that of the registry

    // For people: "consul web", "consul web of dc1 in eu with tags a, b", "dns db.example".
    [[nodiscard]] std::string text() const;
    auto operator<=>(const BackendsFrom&) const = default;
};

struct Service {
    std::string name;                        // unique; see is_service_name
    std::vector<base::IpAddress> addresses;  // at least one; no other service has the same address, port and protocol
    std::vector<ServicePort> ports;          // at least one; number and protocol differ
    Balancing balancing = Balancing::random;
    BalancingOptions balancing_options{};
    std::vector<Subset> subsets{};  // names differ; not empty: a backend that is in none of them is never chosen
    WhenNoBackend when_no_backend = WhenNoBackend::refuse;
    Acceleration acceleration = Acceleration::automatic;
    Forward forward = Forward::automatic;  // with dsr each backend has the port of its ServicePort, and there is no node port
    std::uint32_t affinity_s = 0;  // a client keeps its backend for so long after its last forwarded packet; 0: it does not
    Limits limits;
    Drain drain{};
    Health health{};
    ServiceTls tls{};  // mutual: all ports are TCP
    // While it is there and not answered, the ports have no backends. Known to the worker alone, which fills them in.
    std::optional<BackendsFrom> backends_from{};
    // For each port, in their order: that of a backend whose query does not tell one. Empty without backends_from.
    std::vector<std::uint16_t> target_ports{};
    std::string source;  // where it was read: "file:/etc/meshd/services.d/web.yaml"; not part of its identity

    auto operator<=>(const Service&) const = default;
};

using ServicePtr = std::shared_ptr<const Service>;

// All that the registries say at one moment. Copying is cheap: services are shared.
struct DesiredState {
    std::uint64_t version = 0;
    // False while some source has not answered once: services that are missing here may exist, so none may be removed.
    bool complete = false;
    std::map<std::string, ServicePtr, std::less<>> services;
};

std::string_view name(WhenNoBackend policy);
std::string_view name(BackendState state);
std::string_view name(DrainSockets sockets);
std::string_view name(Forward forward);  // "auto", "nat", "dsr", "off"
std::optional<WhenNoBackend> parse_when_no_backend(std::string_view text);
std::optional<BackendState> parse_backend_state(std::string_view text);  // what a file and a person may say: not "unhealthy"
std::optional<DrainSockets> parse_drain_sockets(std::string_view text);
std::optional<Forward> parse_forward(std::string_view text);  // what a file may say: not "auto"

// Every address, port and protocol that leads to the service. A node port has the unspecified
// addresses of both families.
struct Frontend {
    base::SocketAddress address;
    base::Protocol protocol = base::Protocol::tcp;
};
std::vector<Frontend> frontends(const Service& service, const ServicePort& port);
std::vector<Frontend> frontends(const Service& service);  // of all ports

// Letters, digits, '.', '-', '_' and '/', beginning and ending with a letter or a digit, at most max_name_length bytes.
bool is_service_name(std::string_view text);

}  // namespace meshd::model
