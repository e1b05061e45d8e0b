// SPDX-License-Identifier: Apache-2.0
// When a service's backends are left out by themselves: how they are probed and what came of it, what else ejects one.
// Values without I/O.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "model/ejection.hpp"

namespace meshd::model {

enum class ProbeType : std::uint8_t {
    tcp,    // a connection is taken
    http,   // HTTP/1.1 in plain
    http2,  // HTTP/2 in plain, without an upgrade (h2c)
    https,  // HTTP/2 or HTTP/1.1 over TLS, as the server chooses
    grpc,   // grpc.health.v1.Health/Check over HTTP/2
    exec,   // a command's exit status
};

// Statuses of HTTP that count as healthy: from first to last, both of them.
struct StatusRange {
    std::uint16_t first = 200;
    std::uint16_t last = 299;

    auto operator<=>(const StatusRange&) const = default;
};

// What is tried, and how its answers are weighed. What does not belong to the type is as it is here.
struct Probe {
    ProbeType type = ProbeType::tcp;
    std::string path = "/";                          // http kinds
    std::string host;                                // Host or :authority, SNI and the certificate's name; empty: the address
    std::vector<StatusRange> status{StatusRange{}};  // http kinds
    std::string body;                                // what the first max_probe_body bytes contain; empty: anything
    std::string ca;                                  // a file of PEM; empty: what the system trusts
    bool tls = false;                                // grpc
    std::string service;                             // grpc: whose health; empty: the server's
    std::vector<std::string> command;                // exec: "{address}" and "{port}" stand for the backend's
    std::uint16_t port = 0;                          // 0: the backend's

    std::uint32_t interval_ms = 5000;  // from one attempt to the next
    std::uint32_t timeout_ms = 1000;   // of one attempt; at most the interval
    std::uint16_t jitter_permille = 100;
    std::uint16_t healthy = 2;    // successes in a row until healthy
    std::uint16_t unhealthy = 3;  // failures in a row until unhealthy
    bool initially_healthy = true;

    auto operator<=>(const Probe&) const = default;
};

struct Health {
    std::optional<Probe> probe{};     // nothing: its backends are not probed
    std::optional<Ejection> eject{};  // nothing: what becomes of connections ejects no backend
    // When fewer than this share of a port's backends that are neither draining nor in maintenance are usable, all of those are
    // used. 0: never.
    std::uint8_t panic_percent = 50;

    auto operator<=>(const Health&) const = default;
};

inline constexpr std::size_t max_probe_body = std::size_t{64} << 10;
inline constexpr std::size_t max_probe_text = 1024;  // bytes of a path, host, body, file, service or argument
inline constexpr std::size_t max_probe_words = 32;   // of a command, and ranges of statuses

std::string_view name(ProbeType type);
std::optional<ProbeType> parse_probe_type(std::string_view text);
std::string text(const StatusRange& range);                            // "200-299", "304"
std::optional<StatusRange> parse_status_range(std::string_view text);  // from 100 to 599

// What one attempt came to. This list makes the enumeration, the label of meshd_probes_total, the reasons that are shown and the
// table in docs/health.md.
//
// X(enumerator, label, what it means)
#define MESHD_PROBE_RESULTS(X)                                                                            \
    X(success, "success", "the answer is as it should be")                                                \
    X(refused, "refused", "nobody listens: the connection was refused")                                   \
    X(unreachable, "unreachable", "there is no way to the address")                                       \
    X(connect_timeout, "connect_timeout", "no connection within the time-out")                            \
    X(tls_timeout, "tls_timeout", "a connection, but no TLS within the time-out")                         \
    X(answer_timeout, "answer_timeout", "no whole answer, or no end of the command, within the time-out") \
    X(reset, "reset", "the connection was reset")                                                         \
    X(closed, "closed", "the connection was closed before the answer was whole")                          \
    X(not_tls, "not_tls", "the TLS handshake failed: the peer does not speak it, or not as needed")       \
    X(certificate_expired, "certificate_expired", "the certificate is expired or not yet valid")          \
    X(certificate_name, "certificate_name", "the certificate is for another name")                        \
    X(certificate_ca, "certificate_ca", "the certificate is of an authority that is not trusted")         \
    X(certificate, "certificate", "the certificate is refused for another reason")                        \
    X(not_http, "not_http", "the answer is not HTTP of the version that was asked for")                   \
    X(too_large, "too_large", "the answer is larger than a probe reads")                                  \
    X(bad_status, "bad_status", "HTTP status that does not count as healthy")                             \
    X(bad_body, "bad_body", "the body does not contain what it should")                                   \
    X(not_serving, "not_serving", "gRPC health says NOT_SERVING")                                         \
    X(unknown_service, "unknown_service", "gRPC health does not know the service")                        \
    X(grpc_error, "grpc_error", "gRPC answers with an error, or without a health status")                 \
    X(exit_status, "exit_status", "the command ended with a status other than 0")                         \
    X(killed, "killed", "the command was killed by a signal")                                             \
    X(local, "local", "this node could not try: no descriptor, no file of authorities, no such command; changes no state")

enum class ProbeResult : std::uint8_t {
#define X(enumerator, label, meaning) enumerator,
    MESHD_PROBE_RESULTS(X)
#undef X
};

inline constexpr std::size_t probe_results = static_cast<std::size_t>(ProbeResult::local) + 1;  // the last in the list

std::string_view name(ProbeResult result);
std::optional<ProbeResult> parse_probe_result(std::string_view text);

// What the probes say of one backend of one port.
struct BackendHealth {
    std::string service;
    std::uint16_t port = 0;  // the service's
    base::Protocol protocol = base::Protocol::tcp;
    base::SocketAddress backend;
    bool healthy = true;
    ProbeResult result = ProbeResult::success;    // of the attempt that decided
    std::string detail;                           // "answered 503", may be empty
    std::chrono::system_clock::time_point since;  // whole milliseconds

    [[nodiscard]] std::string reason() const;  // "bad_status: answered 503"
    bool operator==(const BackendHealth&) const = default;
};

}  // namespace meshd::model
