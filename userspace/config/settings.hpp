// SPDX-License-Identifier: Apache-2.0
// The agent's own configuration, /etc/meshd/meshd.yaml: every key has a default, so an empty file is a valid one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "config/acceleration.hpp"
#include "config/forwarding.hpp"
#include "config/policy.hpp"
#include "model/acme.hpp"
#include "model/announcement.hpp"
#include "model/bounds.hpp"
#include "model/edge.hpp"
#include "model/flow_export.hpp"
#include "model/picture.hpp"
#include "model/registries.hpp"
#include "model/tls.hpp"

namespace meshd::config {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };

// Bounds of the kernel's maps, in entries. They hold from the creation of the maps until `meshd --unload`.
struct Limits {
    std::uint32_t services = 65536;    // ports of services
    std::uint32_t frontends = 131072;  // address, port and protocol triples
    std::uint32_t backends = 262144;
    std::uint32_t connections = 131072;  // sockets on the short way
    std::uint32_t tracks = 262144;       // forwarded connections, two entries each; without devices there is one entry
    std::uint32_t flows = 262144;        // of local sockets
    std::uint32_t device_flows = 65536;  // that pass devices; without devices there is one entry

    bool operator==(const Limits&) const = default;
};

// The most that can be asked for.
inline constexpr Limits max_limits{1U << 20U, 1U << 21U, 1U << 22U, 1U << 22U, 1U << 22U, 1U << 22U, 1U << 22U};

struct Settings {
    std::string cgroup = "auto";        // directory of cgroup v2 whose processes are served; auto: its mount point
    std::string bpffs = "/sys/fs/bpf";  // pins are made under BPFFS/meshd/
    std::string run_directory = "/run/meshd";
    std::string state_directory = "/var/lib/meshd";
    std::string registry_directory = "/etc/meshd/services.d";                        // registry.files.directory
    model::Registries registries{};                                                  // what else registry says
    std::string registry_store{};                                                    // registry.store; empty: none is named
    std::vector<model::Announcement> announcements{};                                // announce
    std::string worker_user = "meshd";                                               // worker.user
    std::chrono::milliseconds worker_shutdown_timeout = std::chrono::minutes(10);    // worker.shutdown_timeout
    std::string control_group = "meshd";                                             // control.group
    bool metrics_enabled = true;                                                     // metrics.enabled
    base::SocketAddress metrics_listen{*base::IpAddress::parse("127.0.0.1"), 9707};  // metrics.listen; port 0: any free one
    std::optional<model::PictureSettings> picture{};                                 // nothing: it is not served
    std::chrono::milliseconds reconcile_interval{60000};  // reconcile.interval: full comparison with the maps
    LogLevel log_level = LogLevel::info;                  // log.level
    std::string locality{};                               // node.locality: "region/zone/node" of this node; empty: not known
    Limits limits;
    Acceleration acceleration;
    std::vector<std::string> devices;  // whose packets are looked at: names and patterns, see is_chosen()
    Forwarding forwarding;
    Flows flows;
    model::FlowExport flow_export;  // flows.log and flows.otlp
    Policy policy;
    model::Bounds bounds{};
    model::EdgeListeners edge{};                // edge.listeners
    std::optional<model::AcmeSettings> acme{};  // edge.acme
    std::optional<model::NodeTls> tls{};        // nothing: this node encrypts nothing, and services with mode mutual are refused
    model::NodeOrigination origination{};       // for services with mode originate

    bool operator==(const Settings&) const = default;
};

// What maps are made for: without devices nothing is tracked, and one entry takes no memory to speak of.
Limits map_limits(const Settings& settings);

}  // namespace meshd::config
