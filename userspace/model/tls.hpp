// SPDX-License-Identifier: Apache-2.0
// Encryption between hosts, as configuration says it: what a service asks for, and who this node and its workloads are.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshd::model {

enum class TlsMode : std::uint8_t {
    off,
    mutual,  // between hosts, with both certificates checked
};

// What backends do with connections from other hosts that are not encrypted.
enum class ClearText : std::uint8_t {
    strict,      // refuse them
    permissive,  // take and count them, while a fleet is moved over
};

// Connections whose both ends are on one host.
enum class SameNode : std::uint8_t {
    plain,    // the kernel sees both ends
    encrypt,  // as between hosts
};

// What a service says; without mode mutual the rest means nothing and is as usual.
struct ServiceTls {
    TlsMode mode = TlsMode::off;
    ClearText accept = ClearText::strict;
    SameNode same_node = SameNode::plain;

    auto operator<=>(const ServiceTls&) const = default;
};

// Files in PEM. Both are followed.
struct CertificateFiles {
    std::string certificate;  // with what leads to an authority
    std::string key;

    auto operator<=>(const CertificateFiles&) const = default;
};

// Whose connections go out under which certificate. Exactly one of the three says whose.
struct WorkloadIdentity {
    std::string name;      // unique, a service name by its form
    std::string workload;  // a cgroup with all below it, as in a rule of the policy: "/shop.slice"
    std::string unit;      // of systemd: "web.service"
    std::string user;      // an account
    CertificateFiles files{};

    bool operator==(const WorkloadIdentity&) const = default;
};

inline constexpr std::uint16_t default_inbound_port = 15008;
inline constexpr std::uint16_t default_outbound_port = 15001;
inline constexpr std::size_t max_identities = 1024;

// The section "tls" of meshd.yaml.
struct NodeTls {
    std::string trust_domain;  // "example.org"
    std::string authorities;   // file of certificates that are believed
    std::string revoked;       // file of revocation lists; empty: none
    CertificateFiles node{};   // who the worker of this node is: for connections that come, and where no identity is named
    std::vector<WorkloadIdentity> identities{};
    std::uint16_t inbound_port = default_inbound_port;    // where workers of other hosts connect to
    std::uint16_t outbound_port = default_outbound_port;  // where the kernel sends connections of this host
    std::uint32_t threads = 0;                            // of the relay; 0: one for each CPU

    bool operator==(const NodeTls&) const = default;
};

// How the kernel knows an identity: FNV-1a (32 bits) of its name, which stays the same whatever else the list has. Never 0,
// which is the node's. Those of one list differ.
std::uint32_t identity_number(std::string_view name);

// How many threads a relay has: `asked`, or one for each CPU that this process may use, at most 64. Agent and worker count alike.
unsigned relay_threads(std::uint32_t asked);

std::string_view name(TlsMode mode);
std::string_view name(ClearText accept);
std::string_view name(SameNode same_node);
std::optional<TlsMode> parse_tls_mode(std::string_view text);
std::optional<ClearText> parse_clear_text(std::string_view text);
std::optional<SameNode> parse_same_node(std::string_view text);

// A name by the rules of SPIFFE (SPIFFE-ID, 2.1): lower case letters, digits, '.', '-', '_', at most 255 bytes.
bool is_trust_domain(std::string_view text);

}  // namespace meshd::model
