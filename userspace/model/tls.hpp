// SPDX-License-Identifier: Apache-2.0
// Encryption between hosts, as configuration says it: what a service asks for, and who this node and its workloads are.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "model/balancing.hpp"

namespace meshd::model {

enum class TlsMode : std::uint8_t {
    off,
    mutual,     // between hosts, with both certificates checked
    originate,  // backends outside of the mesh speak TLS themselves, and the worker of this host is their client
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

enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };

// How a backend outside of the mesh is spoken to.
struct Origination {
    std::string server_name{};        // a DNS name, asked for and verified; empty: the backend's address is verified
    std::string credentials{};        // the name of one of the node's; empty: the system's authorities, and no certificate
    std::vector<std::string> alpn{};  // what is offered, the best first; empty: nothing is
    TlsVersion min_version = TlsVersion::tls_1_2;

    auto operator<=>(const Origination&) const = default;
};

// What a service says; what belongs to another mode means nothing and is as usual.
struct ServiceTls {
    TlsMode mode = TlsMode::off;
    ClearText accept = ClearText::strict;  // mutual
    SameNode same_node = SameNode::plain;  // mutual
    Origination origination{};             // originate

    auto operator<=>(const ServiceTls&) const = default;
};

// Files in PEM. Both are followed.
struct CertificateFiles {
    std::string certificate;  // with what leads to an authority
    std::string key;
    bool is_issued = false;  // the worker writes it itself, with what the signing agent gives it: one file has both

    auto operator<=>(const CertificateFiles&) const = default;
};

// Pods of Kubernetes. All of it must fit; names are patterns with stars.
struct PodSelector {
    std::string pod_namespace = "*";
    std::string service_account = "*";
    Labels labels{};

    bool operator==(const PodSelector&) const = default;
};

// Whose connections go out under which certificate. Exactly one of workload, unit, user and pod says whose.
struct WorkloadIdentity {
    std::string name;      // unique, a service name by its form
    std::string workload;  // a cgroup with all below it, as in a rule of the policy: "/shop.slice"
    std::string unit;      // of systemd: "web.service"
    std::string user;      // an account
    CertificateFiles files{};
    // As the configuration has it, one entry stands for as many identities as its name and files have meanings: see
    // model/pod.hpp.
    std::optional<PodSelector> pod{};
    std::vector<std::string> pods{};  // uids of those that have the identity, when it is one of them; the worker need not know

    bool operator==(const WorkloadIdentity&) const = default;
};

inline constexpr std::uint16_t default_inbound_port = 15008;
inline constexpr std::uint16_t default_outbound_port = 15001;
inline constexpr std::size_t max_identities = 1024;

// Which nodes may have which identities beside their own. All are patterns, see model/authorization.hpp.
struct SigningRule {
    std::string node;
    std::vector<std::string> may_have;

    bool operator==(const SigningRule&) const = default;
};

inline constexpr std::uint16_t signing_port = 15009;
inline constexpr std::chrono::seconds shortest_lifetime{5};

// This node signs for others.
struct Signing {
    std::string authority;  // directory of the built-in one
    base::SocketAddress listen{{}, signing_port};
    std::chrono::milliseconds lifetime{std::chrono::hours{24}};  // of what it issues
    std::vector<SigningRule> allow{};

    bool operator==(const Signing&) const = default;
};

// Who signs for this node.
struct Issuer {
    std::string address;                                         // HOST:PORT
    std::string token_file;                                      // of the first certificate; empty: none
    std::chrono::milliseconds refresh{std::chrono::minutes{1}};  // how often authorities and revocation lists are asked for
    std::string directory{};  // where the worker keeps keys and what it was given; the agent says it

    bool operator==(const Issuer&) const = default;
};

// Whether the kernel makes and opens the TLS records of connections between workers.
enum class KernelTls : std::uint8_t {
    off,
    automatic,  // where it can do all of it
    on,         // also where it cannot change keys in the middle of a connection
};
std::string_view name(KernelTls kernel);  // "off", "auto", "on"
std::optional<KernelTls> parse_kernel_tls(std::string_view text);

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
    KernelTls kernel = KernelTls::off;
    std::optional<Signing> signing{};
    std::optional<Issuer> issuer{};  // of all that have no files

    bool operator==(const NodeTls&) const = default;
};

// What connections to backends outside of the mesh may go by. Services name it, so that no registry can name files of a node.
struct OutsideCredentials {
    std::string name{};         // unique, a service name by its form
    std::string authorities{};  // file of certificates that are believed; empty: those of the system
    CertificateFiles files{};   // that are shown to who asks; both empty: none

    bool operator==(const OutsideCredentials&) const = default;
};

// The section "origination" of meshd.yaml.
struct NodeOrigination {
    std::vector<OutsideCredentials> credentials{};
    std::uint16_t outbound_port = default_outbound_port;  // without the section "tls", which says it otherwise

    bool operator==(const NodeOrigination&) const = default;
};
inline constexpr std::size_t max_outside_credentials = 256;

// How the kernel knows an identity: FNV-1a (32 bits) of its name, which stays the same whatever else the list has. Never 0,
// which is the node's where nothing is named, and none of the two below. Those of one list differ.
std::uint32_t identity_number(std::string_view name);

inline constexpr std::uint32_t node_identity = 0xFFFFFFFF;     // the node's, said of a cgroup below one that has another
inline constexpr std::uint32_t unknown_identity = 0xFFFFFFFE;  // nobody's: connections under it are refused

// How many threads a relay has: `asked`, or one for each CPU that this process may use, at most 64. Agent and worker count alike.
unsigned relay_threads(std::uint32_t asked);

// Gives those that the issuer issues their files, below `directory`.
void place_issued(NodeTls& tls, const std::string& directory);

// The SPIFFE ID that a workload without files asks for.
std::string issued_identity(const NodeTls& tls, const WorkloadIdentity& identity);

std::string_view name(TlsMode mode);
std::string_view name(ClearText accept);
std::string_view name(SameNode same_node);
std::string_view name(TlsVersion version);  // "1.2"
std::optional<TlsVersion> parse_tls_version(std::string_view text);
std::optional<TlsMode> parse_tls_mode(std::string_view text);
std::optional<ClearText> parse_clear_text(std::string_view text);
std::optional<SameNode> parse_same_node(std::string_view text);

// A DNS name in lower case; no address.
bool is_server_name(std::string_view text);

// A name by the rules of SPIFFE (SPIFFE-ID, 2.1): lower case letters, digits, '.', '-', '_', at most 255 bytes.
bool is_trust_domain(std::string_view text);

}  // namespace meshd::model
