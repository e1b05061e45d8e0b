// SPDX-License-Identifier: Apache-2.0
#include "reconcile/realized_state.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include <arpa/inet.h>

namespace meshd::reconcile {

std::string PortKey::text() const { return service + ":" + std::to_string(port) + "/" + std::string(base::name(protocol)); }

md_service encode(const PortKey& key) {
    md_service value{};
    std::memcpy(value.name, key.service.data(), std::min(key.service.size(), sizeof value.name - 1));
    value.port = htons(key.port);
    value.protocol = static_cast<std::uint8_t>(key.protocol);
    return value;
}

PortKey decode(const md_service& service) {
    PortKey key;
    key.service.assign(service.name, ::strnlen(service.name, sizeof service.name));
    key.port = ntohs(service.port);
    key.protocol = service.protocol == static_cast<std::uint8_t>(base::Protocol::udp) ? base::Protocol::udp : base::Protocol::tcp;
    return key;
}

void RealizedState::renew() {
    static std::atomic<std::uint64_t> last = 0;
    generation_ = ++last;
}

void RealizedState::set_name(std::uint32_t id, const PortKey& key) {
    remove_name(id);
    renew();
    services_[id].name = key;
    ids_.emplace(key, id);  // a second id of the same name stays without one in the index, and is swept away by a full plan
}

void RealizedState::remove_name(std::uint32_t id) {
    const auto found = services_.find(id);
    if (found == services_.end() || !found->second.name) return;
    const auto index = ids_.find(*found->second.name);
    if (index != ids_.end() && index->second == id) ids_.erase(index);
    renew();
    found->second.name.reset();
    drop_if_empty(id);
}

void RealizedState::set_table(std::uint32_t id, std::vector<md_slot> slots) { services_[id].table = std::move(slots); }

void RealizedState::remove_table(std::uint32_t id) {
    const auto found = services_.find(id);
    if (found == services_.end()) return;
    found->second.table = {};
    drop_if_empty(id);
}

void RealizedState::remove_maglev(std::uint32_t id) {
    const auto found = services_.find(id);
    if (found == services_.end()) return;
    found->second.maglev = 0;
    drop_if_empty(id);
}

void RealizedState::remove_balancing(std::uint32_t id) {
    const auto found = services_.find(id);
    if (found == services_.end()) return;
    found->second.balancing.reset();
    drop_if_empty(id);
}

void RealizedState::set_backend(std::uint32_t backend_id, const md_backend& backend) {
    const auto owner = backend_owner_.find(backend_id);
    if (owner != backend_owner_.end() && owner->second != backend.service_id) remove_backend(backend_id);
    renew();
    backend_owner_[backend_id] = backend.service_id;
    services_[backend.service_id].backends[backend_id] = backend;
}

void RealizedState::remove_backend(std::uint32_t backend_id) {
    const auto owner = backend_owner_.find(backend_id);
    if (owner == backend_owner_.end()) return;
    const auto id = owner->second;
    backend_owner_.erase(owner);
    renew();
    services_[id].backends.erase(backend_id);
    drop_if_empty(id);
}

void RealizedState::set_frontend(const md_endpoint& endpoint, std::uint32_t id) {
    remove_frontend(endpoint);
    frontend_owner_[endpoint] = id;
    services_[id].frontends.insert(endpoint);
}

void RealizedState::remove_frontend(const md_endpoint& endpoint) {
    const auto owner = frontend_owner_.find(endpoint);
    if (owner == frontend_owner_.end()) return;
    const auto id = owner->second;
    frontend_owner_.erase(owner);
    services_[id].frontends.erase(endpoint);
    drop_if_empty(id);
}

const KernelService* RealizedState::find(std::uint32_t id) const {
    const auto found = services_.find(id);
    return found == services_.end() ? nullptr : &found->second;
}

std::optional<std::uint32_t> RealizedState::id_of(const PortKey& key) const {
    const auto found = ids_.find(key);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}

std::vector<std::uint32_t> RealizedState::ids_of_service(const std::string& service) const {
    std::vector<std::uint32_t> ids;
    for (auto at = ids_.lower_bound(PortKey{service, 0, base::Protocol::tcp}); at != ids_.end() && at->first.service == service;
         ++at)
        ids.push_back(at->second);
    return ids;
}

std::optional<std::uint32_t> RealizedState::owner_of(const md_endpoint& frontend) const {
    const auto found = frontend_owner_.find(frontend);
    if (found == frontend_owner_.end()) return std::nullopt;
    return found->second;
}

std::size_t RealizedState::maglev_count() const {
    return static_cast<std::size_t>(
        std::count_if(services_.begin(), services_.end(), [](const auto& entry) { return entry.second.maglev != 0; }));
}

std::uint32_t RealizedState::highest_backend_id() const {
    std::uint32_t highest = 0;
    for (const auto& [id, owner] : backend_owner_) highest = std::max(highest, id);
    return highest;
}

void RealizedState::drop_if_empty(std::uint32_t id) {
    const auto found = services_.find(id);
    if (found != services_.end() && found->second.empty()) services_.erase(found);
}

namespace {

void check_table(std::uint32_t id, const KernelService& service, std::vector<std::string>& broken) {
    const auto& head = service.table.front().table;
    const auto counted = std::size_t{head.slots_v4} + head.slots_v6;
    if ((head.forward != MD_FORWARD_NONE || head.pick == MD_PICK_MAGLEV) && service.maglev == 0)
        broken.push_back("table of service " + std::to_string(id) + " needs a Maglev table, and there is none");
    if (head.guided != 0 && !service.balancing)
        broken.push_back("table of service " + std::to_string(id) + " says that there is more to look at, and there is none");
    if (std::max<std::size_t>(counted, 1) != service.table.size())
        broken.push_back("table of service " + std::to_string(id) + " has another length than it says");
    for (std::size_t index = 0; index < counted && index < service.table.size(); ++index) {
        const auto& slot = service.table[index];
        if (!service.backends.contains(slot.backend_id))
            broken.push_back("table of service " + std::to_string(id) + " names the missing backend " +
                             std::to_string(slot.backend_id));
        if (decode(slot.backend).address.is_v4() != (index < head.slots_v4))
            broken.push_back("table of service " + std::to_string(id) + " has slot " + std::to_string(index) +
                             " in the wrong family");
    }
}

}  // namespace

std::vector<std::string> broken_promises(const RealizedState& state) {
    std::vector<std::string> broken;
    for (const auto& [id, service] : state.services()) {
        if (!service.frontends.empty() && service.table.empty())
            broken.push_back(text(*service.frontends.begin()) + " leads to service " + std::to_string(id) +
                             ", which has no table");
        if (!service.table.empty()) check_table(id, service, broken);
    }
    return broken;
}

}  // namespace meshd::reconcile
