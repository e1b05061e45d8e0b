// SPDX-License-Identifier: Apache-2.0
// Which file has which service name, service address and node port, and gives settings for which service. Finds what two of them
// may not share, in one file and between files.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/registry_file.hpp"

namespace meshd::config {

struct Conflict {
    base::Error error;       // at the later place, naming the earlier one
    std::string other_file;  // the file of the earlier place
};

// Borrows file names, services and settings: they must stay where they are from add() to remove().
class ServiceIndex {
public:
    // Adds a service, or says whose name or address it has and adds nothing.
    std::optional<Conflict> add(std::string_view file_name, const model::Service& service, const ServiceMarks& marks);

    // All of these, or none and the first that is given elsewhere.
    std::optional<Conflict> add(std::string_view file_name, const std::vector<model::ServiceSettings>& settings);

    // Takes back what add() added.
    void remove(const model::Service& service);
    void remove(const std::vector<model::ServiceSettings>& settings);

    // The service that has this address, port and protocol as its own; nullptr when none has.
    [[nodiscard]] const model::Service* owner(const base::SocketAddress& address, base::Protocol protocol) const;

private:
    struct Place {
        std::string_view file_name;
        const model::Service* service = nullptr;
        Mark mark;
    };
    struct Endpoint {
        base::SocketAddress address;
        base::Protocol protocol = base::Protocol::tcp;
        bool operator==(const Endpoint&) const = default;
    };
    struct EndpointHash {
        std::size_t operator()(const Endpoint& endpoint) const;
    };

    // A port of every node stands in the index with the unspecified address, which no service has.
    static Endpoint node_port_of(const model::ServicePort& port);
    [[nodiscard]] std::optional<Conflict> find_conflict(std::string_view file_name, const model::Service& service,
                                                        const ServiceMarks& marks) const;

    std::unordered_map<std::string_view, Place> names_;
    std::unordered_map<std::string_view, std::pair<std::string_view, const model::ServiceSettings*>> settings_;  // and the file
    std::unordered_map<Endpoint, Place, EndpointHash> endpoints_;
};

// The first conflict of each file with itself or with the files before it; empty when all of them can be used together.
std::vector<base::Error> check_together(std::span<const RegistryFile> files);

}  // namespace meshd::config
