// SPDX-License-Identifier: Apache-2.0
// Where relayed connections may go: the backends of services with TLS. Immutable and shared by all threads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "tls/credentials.hpp"

namespace meshd::relay {

struct Route {
    std::string service;          // name
    base::SocketAddress backend;  // what the application is to reach
    base::IpAddress host;         // whose worker serves it
    std::uint16_t port = 0;       // of the service
    bool is_outside = false;      // the backend is outside of the mesh, and the worker of this host its client
    std::shared_ptr<const tls::Credentials> outside{};  // by these; null: none are in use, and it must be refused

    bool operator==(const Route&) const = default;
};

class Routes {
public:
    Routes() = default;
    // `frontends`: service address and port to the service's name.
    Routes(std::vector<Route> routes, std::map<base::SocketAddress, std::string> frontends);

    // How a connection to the service at `frontend` gets to a backend of its; of another service that has this backend, when it
    // is not known there. Null: it is no backend of a service with TLS.
    [[nodiscard]] const Route* outbound(const base::SocketAddress& frontend, const base::SocketAddress& backend) const;
    // What the service at this address is called; empty: not known.
    [[nodiscard]] std::string_view service_at(const base::SocketAddress& frontend) const;
    // What a connection for `backend` is to, if this host serves it: its host is `accepted_at`. `asked`: the service as the peer
    // named it, may be empty or unknown: then any that has this backend. Null: it must be refused.
    [[nodiscard]] const Route* inbound(const base::SocketAddress& backend, const base::IpAddress& accepted_at,
                                       std::string_view asked) const;

private:
    std::map<base::SocketAddress, std::vector<Route>> by_backend_;
    std::map<base::SocketAddress, std::string> frontends_;
};

}  // namespace meshd::relay
