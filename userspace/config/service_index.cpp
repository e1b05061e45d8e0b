// SPDX-License-Identifier: Apache-2.0
#include "config/service_index.hpp"

#include <cstring>
#include <functional>

#include <fmt/format.h>

#include "config/characters.hpp"

namespace meshd::config {

std::size_t ServiceIndex::EndpointHash::operator()(const Endpoint& endpoint) const {
    const auto& bytes = endpoint.address.address.bytes;
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto rest = static_cast<std::size_t>(endpoint.address.port) << 8U | static_cast<std::size_t>(endpoint.protocol);
    return std::hash<std::string_view>{}(text) ^ (rest * 0x9e3779b97f4a7c15ULL);
}

ServiceIndex::Endpoint ServiceIndex::node_port_of(const model::ServicePort& port) {
    return {{base::IpAddress{}, port.node_port}, port.protocol};
}

std::optional<Conflict> ServiceIndex::find_conflict(std::string_view file_name, const model::Service& service,
                                                    const ServiceMarks& marks) const {
    if (const auto same = names_.find(service.name); same != names_.end()) {
        const auto& other = same->second;
        return Conflict{
            refusal(file_name, marks.name,
                    fmt::format("service {} is already defined at {}", quote(service.name), place(other.file_name, other.mark)),
                    "give each service a name of its own"),
            std::string(other.file_name)};
    }
    for (std::size_t i = 0; i < service.addresses.size(); ++i) {
        for (const auto& port : service.ports) {
            const Endpoint endpoint{{service.addresses[i], port.number}, port.protocol};
            const auto same = endpoints_.find(endpoint);
            if (same == endpoints_.end()) continue;
            const auto& other = same->second;
            return Conflict{
                refusal(file_name, marks.addresses[i],
                        fmt::format("{}/{} is already an address of service {} at {}", endpoint.address.text(),
                                    base::name(port.protocol), quote(other.service->name), place(other.file_name, other.mark)),
                        "give each service an address or a port of its own"),
                std::string(other.file_name)};
        }
    }
    for (const auto& port : service.ports) {
        const auto same = endpoints_.find(node_port_of(port));
        if (port.node_port == 0 || same == endpoints_.end()) continue;
        const auto& other = same->second;
        return Conflict{
            refusal(file_name, marks.name,
                    fmt::format("node port {}/{} already belongs to service {} at {}", port.node_port, base::name(port.protocol),
                                quote(other.service->name), place(other.file_name, other.mark)),
                    "give each service a node port of its own"),
            std::string(other.file_name)};
    }
    return std::nullopt;
}

std::optional<Conflict> ServiceIndex::add(std::string_view file_name, const model::Service& service, const ServiceMarks& marks) {
    if (auto conflict = find_conflict(file_name, service, marks)) return conflict;
    names_.emplace(service.name, Place{file_name, &service, marks.name});
    for (std::size_t i = 0; i < service.addresses.size(); ++i)
        for (const auto& port : service.ports)
            endpoints_.emplace(Endpoint{{service.addresses[i], port.number}, port.protocol},
                               Place{file_name, &service, marks.addresses[i]});
    for (const auto& port : service.ports)
        if (port.node_port != 0) endpoints_.emplace(node_port_of(port), Place{file_name, &service, marks.name});
    return std::nullopt;
}

void ServiceIndex::remove(const model::Service& service) {
    names_.erase(service.name);
    for (const auto& [address, protocol] : model::frontends(service)) endpoints_.erase(Endpoint{address, protocol});
}

std::optional<Conflict> ServiceIndex::add(std::string_view file_name, const std::vector<model::ServiceSettings>& settings) {
    for (std::size_t i = 0; i < settings.size(); ++i) {
        const auto& one = settings[i];
        const auto [same, is_new] = settings_.try_emplace(one.service, file_name, &one);
        if (is_new) continue;
        const auto& [other_file, other] = same->second;
        Conflict conflict{{"accept", one.place, 0,
                           fmt::format("settings for service {} are already given at {}", quote(one.service), other->place),
                           "write all of them in one place"},
                          std::string(other_file)};
        while (i > 0) settings_.erase(settings[--i].service);
        return conflict;
    }
    return std::nullopt;
}

void ServiceIndex::remove(const std::vector<model::ServiceSettings>& settings) {
    for (const auto& one : settings) settings_.erase(one.service);
}

const model::Service* ServiceIndex::owner(const base::SocketAddress& address, base::Protocol protocol) const {
    const auto found = endpoints_.find(Endpoint{address, protocol});
    return found == endpoints_.end() ? nullptr : found->second.service;
}

std::vector<base::Error> check_together(std::span<const RegistryFile> files) {
    std::vector<base::Error> errors;
    ServiceIndex index;
    for (const auto& file : files) {
        if (auto conflict = index.add(file.name, file.settings)) {
            errors.push_back(std::move(conflict->error));
            continue;
        }
        for (std::size_t i = 0; i < file.services.size(); ++i) {
            auto conflict = index.add(file.name, file.services[i], file.marks[i]);
            if (!conflict) continue;
            errors.push_back(std::move(conflict->error));
            index.remove(file.settings);
            while (i > 0) index.remove(file.services[--i]);  // a refused file is no reason to refuse the ones behind it
            break;
        }
    }
    return errors;
}

}  // namespace meshd::config
