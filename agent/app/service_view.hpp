// SPDX-License-Identifier: Apache-2.0
// A service with what the kernel knows of it: ids, counts, shares.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "app/context.hpp"
#include "kernel/counters.hpp"

namespace meshd::app {

// One port of a service as it stands in the maps.
class PortView {
public:
    PortView(const reconcile::RealizedState& realized, const reconcile::PortKey& key);

    [[nodiscard]] std::uint32_t id() const { return id_; }                                                 // 0: not in the maps
    [[nodiscard]] std::uint32_t backend_id(const model::Backend& backend, base::Protocol protocol) const;  // 0: not in the maps
    [[nodiscard]] std::uint32_t slots(std::uint32_t backend_id) const;
    // The part of new connections that the backend is to get, among those of its family: 0 to 1.
    [[nodiscard]] double share(std::uint32_t backend_id) const;
    [[nodiscard]] const reconcile::KernelService* kernel() const { return kernel_; }

private:
    std::uint32_t id_ = 0;
    const reconcile::KernelService* kernel_ = nullptr;
    std::unordered_map<std::uint32_t, std::uint32_t> slots_;  // by backend id
    std::map<md_endpoint, std::uint32_t, reconcile::BytesLess> ids_;
};

// What probes say of a backend: {"state", "reason", "since"}; null when its service has no probe.
boost::json::value probe_view(const Context& context, const model::Service& service, const model::ServicePort& port,
                              const model::Backend& backend);

// How often backends of the service were chosen.
base::Result<kernel::Connects> connects_of(const Context& context, const model::Service& service);

boost::json::object service_view(const Context& context, const model::Service& service, const kernel::Connects& connects);

// A row for each backend of the service.
void append_backends(const Context& context, const model::Service& service, const kernel::Connects& connects,
                     boost::json::array& rows);

}  // namespace meshd::app
