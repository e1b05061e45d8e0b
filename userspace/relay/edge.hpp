// SPDX-License-Identifier: Apache-2.0
// What a listener for clients from outside does with them: where which name goes, and which certificates it shows. Immutable and
// shared by all threads, but for what it counts.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "model/edge.hpp"
#include "model/server_names.hpp"
#include "tls/edge_context.hpp"

namespace meshd::relay {

// Why a client was not served. The list makes the label of meshd_edge_refused_total and the table in docs/edge.md.
enum class EdgeRefusal : std::uint8_t {
    no_route,        // for the name that it asks for
    no_certificate,  // that may be shown to it
    no_service,      // that the route names, or no such port
    unreachable,     // the service: no backend, the policy, nobody listens
    crowded,         // too many have not finished their handshake: the oldest go
};
inline constexpr std::size_t edge_refusals = 5;
std::string_view name(EdgeRefusal refusal);  // "no_route": label

struct EdgeRoute {
    std::string service;
    std::optional<base::SocketAddress> address;  // of the service; nothing: it is not known, or has no such port
    bool pass_through = false;
    std::shared_ptr<const std::string> protocols{};  // see tls::EdgeOffer
    model::ProxyProtocol proxy_protocol = model::ProxyProtocol::none;
};

struct EdgeCounts {
    std::atomic<std::uint64_t> open = 0;   // connections now
    std::atomic<std::uint64_t> taken = 0;  // ever
};

struct EdgeListener {
    model::ServerNames<EdgeRoute> routes;
    std::shared_ptr<const tls::EdgeContext> context;  // null: no certificate can be shown
    std::shared_ptr<EdgeCounts> counts;               // the same for all that one listener ever was
    // Who proves by a handshake that a name is this host's (RFC 8737); nothing: nobody does.
    std::function<std::shared_ptr<const tls::EdgeCertificate>(std::string_view server_name)> challenge{};
};

}  // namespace meshd::relay
