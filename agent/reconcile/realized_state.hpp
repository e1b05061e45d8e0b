// SPDX-License-Identifier: Apache-2.0
// What the kernel's maps hold, grouped by service id. A group may be incomplete: a crash leaves garbage, and people delete
// entries.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.hpp"
#include "meshd/abi.h"
#include "reconcile/encode.hpp"

namespace meshd::reconcile {

// Names one service of the kernel: one port of a service of the registry.
struct PortKey {
    std::string service;
    std::uint16_t port = 0;  // host byte order
    base::Protocol protocol = base::Protocol::tcp;

    [[nodiscard]] std::string text() const;  // "web:80/tcp"
    auto operator<=>(const PortKey&) const = default;
};

md_service encode(const PortKey& key);
PortKey decode(const md_service& service);

// All that the maps hold for one service id.
struct KernelService {
    std::optional<PortKey> name;                   // md_services
    std::vector<md_slot> table;                    // md_tables; empty: no table
    std::uint64_t maglev = 0;                      // md_maglevs: its fingerprint; 0: no Maglev table
    std::optional<md_balancing> balancing;         // md_balancing
    std::map<std::uint32_t, md_backend> backends;  // md_backends with this service_id
    std::set<md_endpoint, BytesLess> frontends;    // md_frontends that lead here

    [[nodiscard]] bool empty() const {
        return !name && table.empty() && maglev == 0 && !balancing && backends.empty() && frontends.empty();
    }
};

class RealizedState {
public:
    // Each replaces what was there and keeps the indexes right. An endpoint leads to one service: setting it takes it from
    // another.
    void set_name(std::uint32_t id, const PortKey& key);
    void remove_name(std::uint32_t id);
    void set_table(std::uint32_t id, std::vector<md_slot> slots);
    void remove_table(std::uint32_t id);
    void set_maglev(std::uint32_t id, std::uint64_t fingerprint) { services_[id].maglev = fingerprint; }
    void remove_maglev(std::uint32_t id);
    void set_balancing(std::uint32_t id, const md_balancing& balancing) { services_[id].balancing = balancing; }
    void remove_balancing(std::uint32_t id);
    void set_backend(std::uint32_t backend_id, const md_backend& backend);
    void remove_backend(std::uint32_t backend_id);
    void set_frontend(const md_endpoint& endpoint, std::uint32_t id);
    void remove_frontend(const md_endpoint& endpoint);

    [[nodiscard]] const std::map<std::uint32_t, KernelService>& services() const { return services_; }
    [[nodiscard]] const KernelService* find(std::uint32_t id) const;
    [[nodiscard]] std::optional<std::uint32_t> id_of(const PortKey& key) const;
    [[nodiscard]] std::vector<std::uint32_t> ids_of_service(const std::string& service) const;  // all its ports
    [[nodiscard]] bool has_backend(std::uint32_t backend_id) const { return backend_owner_.contains(backend_id); }
    [[nodiscard]] std::optional<std::uint32_t> owner_of(const md_endpoint& frontend) const;

    // Changes whenever a name or a backend does; two states that were made apart never have the same.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    [[nodiscard]] std::size_t backend_count() const { return backend_owner_.size(); }
    [[nodiscard]] std::size_t maglev_count() const;
    [[nodiscard]] std::size_t frontend_count() const { return frontend_owner_.size(); }
    [[nodiscard]] std::uint32_t highest_backend_id() const;

private:
    void drop_if_empty(std::uint32_t id);
    void renew();

    std::uint64_t generation_ = 0;  // 0: empty from the start
    std::map<std::uint32_t, KernelService> services_;
    std::map<PortKey, std::uint32_t> ids_;
    std::unordered_map<std::uint32_t, std::uint32_t> backend_owner_;
    std::map<md_endpoint, std::uint32_t, BytesLess> frontend_owner_;
};

// What every reader in the kernel relies on, in words; empty when all holds. A frontend leads to a table, a slot names a backend
// of its service, counts fit, what is forwarded has a Maglev table. Must hold after each single operation of a plan.
std::vector<std::string> broken_promises(const RealizedState& state);

}  // namespace meshd::reconcile
