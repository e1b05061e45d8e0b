// SPDX-License-Identifier: Apache-2.0
// Answers load balancers that ask at healthCheckNodePort whether this node has endpoints of its own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "http/server.hpp"
#include "registry/kubernetes/translate.hpp"

namespace meshd::registry::kubernetes {

class HealthChecks {
public:
    // `address` is where it listens: every address of the node, of both families.
    explicit HealthChecks(boost::asio::io_context& io, base::IpAddress address = {}) : io_(io), address_(address) {}

    // Listens at these ports and no others. One that somebody else has, as kube-proxy beside this agent, is left to them and
    // tried again with the next call.
    void set(const std::vector<HealthCheckPort>& ports);

    [[nodiscard]] std::size_t listening() const;

private:
    struct Port {
        HealthCheckPort said;
        std::unique_ptr<http::Server> server;
        std::string error;  // why there is none
    };

    void listen(Port& port);
    [[nodiscard]] http::Response answer(std::uint16_t port) const;

    boost::asio::io_context& io_;
    base::IpAddress address_;
    std::map<std::uint16_t, Port> ports_;
};

}  // namespace meshd::registry::kubernetes
