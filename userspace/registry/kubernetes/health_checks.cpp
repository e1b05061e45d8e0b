// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/health_checks.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/json.hpp>

namespace meshd::registry::kubernetes {

void HealthChecks::set(const std::vector<HealthCheckPort>& ports) {
    std::erase_if(ports_, [&](const auto& entry) {
        return std::none_of(ports.begin(), ports.end(), [&](const auto& one) { return one.port == entry.first; });
    });
    for (const auto& one : ports) {
        auto& port = ports_[one.port];
        port.said = one;
        if (!port.server) listen(port);
    }
}

void HealthChecks::listen(Port& port) {
    const auto number = port.said.port;
    const auto handler = http::answer_at_once([this, number](const http::Request&) { return answer(number); });
    auto server = http::Server::listen(io_, base::SocketAddress{address_, number}, handler);
    // A node without IPv6.
    if (!server && server.error().code == EAFNOSUPPORT)
        server = http::Server::listen(io_, base::SocketAddress{*base::IpAddress::parse("0.0.0.0"), number}, handler);
    if (server) {
        port.server = std::move(*server);
        port.error.clear();
    } else if (auto error = server.error().message(); error != port.error) {
        spdlog::warn("health checks of load balancers for {}: {}", port.said.service, error);
        port.error = std::move(error);
    }
}

// In the form that kube-proxy gives it.
http::Response HealthChecks::answer(std::uint16_t port) const {
    const auto& said = ports_.at(port).said;
    const auto slash = said.service.find('/');
    const boost::json::object body{
        {"service", {{"namespace", said.service.substr(0, slash)}, {"name", said.service.substr(slash + 1)}}},
        {"localEndpoints", said.local_endpoints},
        {"serviceProxyHealthy", true}};
    http::Response response;
    response.status = said.local_endpoints > 0 ? 200 : 503;
    response.body = boost::json::serialize(body);
    response.headers["X-Load-Balancing-Endpoint-Weight"] = std::to_string(said.local_endpoints);
    return response;
}

std::size_t HealthChecks::listening() const {
    return static_cast<std::size_t>(
        std::count_if(ports_.begin(), ports_.end(), [](const auto& one) { return one.second.server != nullptr; }));
}

}  // namespace meshd::registry::kubernetes
