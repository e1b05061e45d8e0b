// SPDX-License-Identifier: Apache-2.0
// Services of several registries as one: where two of them have the same name, or an address, port and protocol in common, that
// of the registry with the lower rank is in force and the other is hidden until the first is gone. Pure.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/service.hpp"

namespace meshd::registry {

// Why a service is not in force.
struct Hidden {
    std::string by;   // source of the one that is
    std::string why;  // "the name", "10.96.0.10:80/tcp"
};

class Merger {
public:
    // A service of the registry with this rank, or (null) that it has none of this name any more.
    void put(std::size_t rank, const std::string& name, model::ServicePtr service);
    // Forgets a registry.
    void drop(std::size_t rank);

    // What is in force of the names that put() or drop() touched since the last call; null: nothing.
    std::map<std::string, model::ServicePtr> take();

    [[nodiscard]] const std::map<std::string, model::ServicePtr, std::less<>>& in_force() const { return in_force_; }
    // Of a registry, by name of service.
    [[nodiscard]] std::map<std::string, Hidden> hidden(std::size_t rank) const;

private:
    struct Place {  // also the order in which it is decided who is in force
        std::size_t rank = 0;
        std::string name;
        auto operator<=>(const Place&) const = default;
    };
    struct Claimant {
        model::ServicePtr service;
        bool in_force = false;
        Hidden hidden;
    };
    struct Endpoint {
        base::SocketAddress address;
        base::Protocol protocol = base::Protocol::tcp;
        bool operator==(const Endpoint&) const = default;
    };
    struct EndpointHash {
        std::size_t operator()(const Endpoint& endpoint) const;
    };
    using Places = std::vector<Place>;  // few: almost always one

    static std::vector<Endpoint> endpoints_of(const model::Service& service);
    void enter(const Place& place, const model::Service& service);
    void leave(const Place& place, const model::Service& service);
    void look_again_behind(const Place& place, const model::Service& service);
    [[nodiscard]] Hidden blocker(const Place& place, const model::Service& service) const;
    void settle();

    std::map<Place, Claimant> claimants_;
    std::unordered_map<std::string, Places> names_;
    std::unordered_map<Endpoint, Places, EndpointHash> endpoints_;
    std::set<Place> doubtful_;
    std::set<std::string> touched_;
    std::map<std::string, model::ServicePtr, std::less<>> in_force_;
};

}  // namespace meshd::registry
