// SPDX-License-Identifier: Apache-2.0
// What a registry says of a service that is described elsewhere: keys that are given stand above what the service itself says.
// Values without I/O.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "model/service.hpp"

namespace meshd::model {

struct Nearness {
    Near prefer = Near::anywhere;
    std::uint8_t spill_below_percent = BalancingOptions{}.spill_below_percent;
    std::uint16_t spill_open = 0;

    auto operator<=>(const Nearness&) const = default;
};

struct BalancingSettings {
    std::optional<Balancing> policy{};
    std::optional<std::uint32_t> failure_penalty_ms{};
    std::optional<HashBy> hash{};
    std::optional<std::uint32_t> slow_start_ms{};
    std::optional<std::uint32_t> affinity_s{};
    std::optional<Nearness> locality{};

    auto operator<=>(const BalancingSettings&) const = default;
};

struct LimitSettings {
    struct Rate {
        std::uint32_t rate = 0, burst = 0;
        auto operator<=>(const Rate&) const = default;
    };
    std::optional<std::uint32_t> connections{};
    std::optional<Rate> rate{};

    auto operator<=>(const LimitSettings&) const = default;
};

struct DrainSettings {
    std::optional<std::uint32_t> deadline_s{};
    std::optional<DrainSockets> sockets{};
    std::optional<DrainSockets> unhealthy{};

    auto operator<=>(const DrainSettings&) const = default;
};

struct HealthSettings {
    std::optional<Probe> probe{};
    std::optional<Ejection> eject{};
    std::optional<std::uint8_t> panic_percent{};

    auto operator<=>(const HealthSettings&) const = default;
};

struct TlsSettings {
    std::optional<TlsMode> mode{};
    std::optional<ClearText> accept{};
    std::optional<SameNode> same_node{};
    std::optional<std::string> server_name{};
    std::optional<std::string> credentials{};
    std::optional<std::vector<std::string>> alpn{};
    std::optional<TlsVersion> min_version{};

    auto operator<=>(const TlsSettings&) const = default;
};

struct ServiceSettings {
    std::string service;  // its name; it may come later
    BalancingSettings balancing{};
    std::optional<std::vector<Subset>> subsets{};
    std::optional<WhenNoBackend> when_no_backend{};
    std::optional<Acceleration> acceleration{};
    std::optional<Forward> forward{};
    std::optional<std::uint32_t> affinity_s{};
    LimitSettings limits{};
    DrainSettings drain{};
    HealthSettings health{};
    TlsSettings tls{};
    std::string source;  // "etcd:etcd/meshd/web"
    std::string place;   // where in it, for errors: "etcd:etcd/meshd/web:3:5"

    auto operator<=>(const ServiceSettings&) const = default;
};

using ServiceSettingsPtr = std::shared_ptr<const ServiceSettings>;

// Keys that are not given stay as they are, but for those that mean nothing beside what is given: they are as usual then. Nothing
// is checked, and the source stays.
void apply(const ServiceSettings& settings, Service& service);

// The service with the settings, its source followed by theirs. An error, with their place, when a key that they give means
// nothing beside the rest of the service or contradicts it.
base::Result<Service> with_settings(Service service, const ServiceSettings& settings);

// All that settings can say, as another service has it; and its source, followed by `settings_source`.
Service with_settings_of(const Service& other, std::string_view settings_source, Service service);

// Service::source of one that was put together: "kubernetes:kubernetes/shop/web + etcd:etcd/meshd/web" from a registry and
// another's settings, "file:/a.yaml + consul:consul" from a file and an answer to its query.
struct SourceParts {
    std::string service, settings, answerer;  // the last two may be empty
};
SourceParts source_parts(std::string_view source);

}  // namespace meshd::model
