// SPDX-License-Identifier: Apache-2.0
// Objects of Kubernetes in short.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "registry/kubernetes/endpoints.hpp"
#include "registry/kubernetes/objects.hpp"

namespace meshd::registry::kubernetes {

// JSON with ' for ".
inline boost::json::object object(std::string text) {
    for (auto& c : text)
        if (c == '\'') c = '"';
    return boost::json::parse(text).as_object();
}

inline base::IpAddress ip(std::string_view text) { return base::IpAddress::parse(text).value(); }

// Service default/web with a cluster address and port http, 80.
inline Service web() {
    Service service;
    service.key = "default/web";
    service.cluster_ips = {ip("10.96.0.10")};
    service.ports = {{Word("http"), 80, 0, base::Protocol::tcp}};
    return service;
}

// "10.1.0.1 ready n1 za": address, "ready", "unready", "ending" (terminating and serving) or "ended", node and zone.
inline Endpoint endpoint(const std::string& address, std::string_view state, const std::string& node = "",
                         const std::string& zone = "") {
    Endpoint result;
    result.address = ip(address);
    result.ready = state == "ready";
    result.serving = state == "ready" || state == "ending";
    result.terminating = state == "ending" || state == "ended";
    result.node = Word(node);
    result.zone = Word(zone);
    return result;
}

inline Slice slice(std::vector<Endpoint> endpoints, const std::string& name = "default/web-1") {
    Slice result;
    result.key = name;
    result.service = "default/web";
    result.ports = {{Word("http"), 8080, base::Protocol::tcp}};
    result.endpoints = std::move(endpoints);
    return result;
}

// "10.1.0.1:8080 ready, 10.1.0.2:8080 drain"
inline std::string text(const std::vector<model::Backend>& backends) {
    std::string result;
    for (const auto& backend : backends) {
        const bool is_bad = backend.state == model::BackendState::unhealthy;
        result += (result.empty() ? "" : ", ") + backend.endpoint.text() + " " +
                  (is_bad ? "unhealthy" : std::string(model::name(backend.state)));
    }
    return result;
}

}  // namespace meshd::registry::kubernetes
