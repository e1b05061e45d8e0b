// SPDX-License-Identifier: Apache-2.0
// What agent and worker say to each other, typed. decode() believes nothing: a field that is missing, of another type or out of
// its range is an error that names the message and the field. Fields that are not known are ignored, so that either side can
// learn first.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/address.hpp"
#include "base/error.hpp"
#include "model/acme.hpp"
#include "model/announcement.hpp"
#include "model/edge.hpp"
#include "model/flow_export.hpp"
#include "model/health.hpp"
#include "model/picture.hpp"
#include "model/pod.hpp"
#include "model/policy.hpp"
#include "model/registries.hpp"
#include "model/service.hpp"
#include "model/tls.hpp"

namespace meshd::channel {

// ---- Worker to agent ----

struct Hello {
    std::string version;
    std::int64_t pid = 0;  // as the worker sees itself
};

// A change of what the registries say, or (full) all of it. From the agent to a worker that begins: what it knows already. A
// batch is one change; it may come in several frames with the same sequence, each a Delta of its own, the last of them with last
// = true.
struct Delta {
    std::uint64_t sequence = 0;  // 1 for the first batch on a channel, one more for each that follows
    bool full = false;           // the batch is the whole state: with `complete`, what it does not name is gone
    bool last = true;
    bool complete = false;  // every file has been read well at least once
    std::vector<model::ServicePtr> upsert;
    std::vector<std::string> remove;  // names of services; none of them is in upsert
};

// All rules of the policy. From the agent to a worker that begins: those it knows already. May come in several frames, the last
// of them with last = true.
struct Policies {
    std::vector<model::Rule> rules;
    bool complete = false;            // as in Delta: then rules that are not there are gone
    std::vector<std::string> unread;  // else, but for those of these sources; none is named: any rule may still be there
    bool last = true;
};

// The pods of this node that run or are about to, all of them. May come in several frames, the last of them with last = true. The
// agent finds their cgroups itself, by their uids.
struct Pods {
    std::vector<model::Pod> pods;
    bool last = true;
};

struct RegistrySource {
    std::string name;  // "file:/etc/meshd/services.d/web.yaml"
    bool ok = true;    // "state": "ok" or "refused"
    std::uint64_t services = 0;
    std::string error;  // "FILE:LINE:COL: …", empty when ok
    std::string since;  // RFC 3339: how long it has been in this state

    bool operator==(const RegistrySource&) const = default;
};

// May come in several frames when there are many files; the fields beside `sources` are the same in each.
struct RegistryStatus {
    std::vector<RegistrySource> sources;
    std::string directory_error;  // why the directory cannot be followed, empty when it can
    std::string metrics_address;  // where /metrics is served, with its real port; empty when it is not
    std::string metrics_error;    // why /metrics is not served though it should be, empty when it is
    std::string picture_address;  // the same of the picture
    std::string picture_error;
    bool last = true;

    bool operator==(const RegistryStatus&) const = default;
};

// How each registry stands, for people: the agent hands it on to who asks and decides nothing by it. The form is that of
// GET /v1/registries, docs/api.md; each item is an object with a text "name".
struct RegistriesReport {
    boost::json::array registries;
};
// How the services of this host that are announced stand, all of them. The form is that of GET /v1/announcements, docs/api.md;
// each item is an object with texts "id" and "name" and, when its registry knows it as one that is well, "known": true.
struct AnnouncementsReport {
    boost::json::array announcements;
};
// The certificates of this host, and how they stand. The form is that of GET /v1/certificates, docs/api.md; each item is an
// object with texts "whose", "name" and "state".
struct CertificatesReport {
    boost::json::array certificates;
};
// How the listeners for clients from outside stand as far as the worker knows. Each item is an object with the text "name".
struct EdgeReport {
    boost::json::array listeners;
};

// What a handshake with the worker of a backend's host was like: the answer to one target of a TlsCheck. Texts are empty where
// the handshake did not come so far.
struct TlsFinding {
    struct Certificate {
        std::string identity, subject, issuer, key, signature;
        std::string not_before, not_after;  // RFC 3339

        bool operator==(const Certificate&) const = default;
    };
    std::uint64_t id = 0;
    base::SocketAddress backend;
    std::string identity;                 // that this side showed
    std::string peer;                     // ADDRESS:PORT that it spoke to
    std::string result;                   // "ok": all of it went well
    std::string meaning, detail, remedy;  // of the result, for people
    bool is_accepted = false;             // the peer took this side's certificate
    bool is_connected = false;            // the backend behind it took the connection
    std::string peer_identity;            // that the peer showed
    std::string protocol, cipher, group;
    std::string authority;  // that the chain led to
    bool looks_at_revocations = false;
    bool is_resumable = false;  // the peer gave a ticket
    std::uint64_t connect_us = 0, handshake_us = 0;
    std::vector<Certificate> chain;  // the peer's first

    bool operator==(const TlsFinding&) const = default;
};

inline constexpr std::size_t most_listed = 50;  // of each list within an item

// Backends whose health was decided or changed, or that were asked about (Ejected). What a worker has not decided it does not
// name, and then what an earlier one said holds. All that it knows when a channel begins, then what changes; each frame is a
// message of its own.
struct HealthReport {
    std::vector<model::BackendHealth> backends;
};

struct MetricsRequest {
    std::uint64_t id = 0;
};

// What the picture is to show: a question as GET requests of the control socket ask it. The agent answers those that
// control::Router::show() takes.
struct ViewRequest {
    std::uint64_t id = 0;
    std::string path;  // "/v1/flows"
    std::map<std::string, std::string, std::less<>> query;

    bool operator==(const ViewRequest&) const = default;
};

// What keeps the exporters of flows from their work, all of it. Each is a degradation of the agent.
struct ExportProblem {
    std::string feature;  // of export_features
    std::string reason;
    std::string remedy;

    bool operator==(const ExportProblem&) const = default;
};
inline constexpr std::array<std::string_view, 2> export_features{"flow log", "flow export"};

struct ExportStatus {
    std::vector<ExportProblem> problems;

    bool operator==(const ExportStatus&) const = default;
};

// ---- Agent to worker ----

struct SettingsMessage {
    std::string registry_directory;  // absolute path
    bool metrics_enabled = true;
    base::SocketAddress metrics_listen;
    std::string log_level = "info";  // trace, debug, info, warn, error
    model::FlowExport flow_export{};
    model::Registries registries{};
    std::vector<model::Announcement> announcements{};
    std::vector<std::string> drained{};    // names of those that a person has drained
    std::vector<std::string> announced{};  // ids of those that an earlier worker has told a registry to be well
    std::string locality{};                // of this node; empty: not known
    std::optional<model::NodeTls> tls{};
    model::EdgeListeners edge{};
    model::NodeOrigination origination{};
    std::optional<model::AcmeSettings> acme{};
    std::optional<model::PictureSettings> picture{};
    bool is_audit = false;  // the policy counts what it would deny
    // When what the agent knows of services that come from servers was said, in seconds since the epoch. It follows the first
    // settings of a channel, as one full and complete Delta.
    std::int64_t remembered_at = 0;

    bool operator==(const SettingsMessage&) const = default;
};

// One part of the answer to a MetricsRequest, in the form that telemetry/exposition.hpp reads. Parts of one answer come in order.
struct MetricsPart {
    std::uint64_t id = 0;
    boost::json::object part;  // {"families": […]}
    bool last = true;
};

// One part of the answer to a ViewRequest. Parts of one answer come in order, and together are the body of the control socket's
// answer.
struct ViewPart {
    std::uint64_t id = 0;
    std::uint64_t status = 200;  // of HTTP
    std::string text;
    bool last = true;

    bool operator==(const ViewPart&) const = default;
};

// Events of flows for the exporters: as many as fit a frame, in the form of the control socket.
struct FlowEvents {
    boost::json::array events;
    std::uint64_t lost = 0;          // that nobody took in time, before these
    model::ChangeCounts left_out{};  // that no exporter's sample has
};

// Backends that are ejected, as many as fit a frame: the next probe that finds one of them healthy is told in a HealthReport,
// though it decides nothing.
struct Ejected {
    struct Backend {
        std::string service;
        std::uint16_t port = 0;
        base::Protocol protocol = base::Protocol::tcp;
        base::SocketAddress backend;
        bool operator==(const Backend&) const = default;
    };
    std::vector<Backend> backends;
};
inline constexpr std::size_t most_ejected = 256;

// Handshakes as connections of this host would make them, to find out how they end. Each target is answered by a TlsFinding.
struct TlsCheck {
    struct Target {
        base::SocketAddress service, backend;

        bool operator==(const Target&) const = default;
    };
    std::uint64_t id = 0;
    std::string identity;  // the name of one of tls.identities; empty: that of the node
    std::vector<Target> targets;
};
inline constexpr std::size_t most_tls_targets = 256;

// A registry is to be compared with all that it says, now.
struct SyncRegistry {
    std::string name;  // empty: all
};

// Files are to be opened anew: somebody has put them aside.
struct Reopen {};

// Another worker takes its place, or the agent ends. It lets go of everything but the connections that it carries, closes its end
// of the channel, takes new connections until the agent closes the handover of listeners, and ends with the last connection, or
// after this time.
struct Retire {
    std::chrono::seconds longest{0};
};
// As Retire, but what is announced is withdrawn before; 0: what is carried ends, too.
struct Shutdown {
    std::chrono::seconds longest{0};
};
inline constexpr std::chrono::seconds max_retirement = std::chrono::hours(24 * 7);

using Message = std::variant<Hello, Delta, Policies, RegistryStatus, RegistriesReport, AnnouncementsReport, CertificatesReport,
                             EdgeReport, SyncRegistry, HealthReport, MetricsRequest, ViewRequest, ExportStatus, SettingsMessage,
                             MetricsPart, ViewPart, FlowEvents, Ejected, Reopen, Shutdown, Retire, TlsCheck, TlsFinding, Pods>;

std::string_view type_name(const Message& message);  // "hello", "delta", …

base::Result<Message> decode(boost::json::object message);

// A Delta, Policies, Pods, a RegistryStatus, a HealthReport, a MetricsPart, ViewParts or FlowEvents may be larger than a frame:
// send those with the functions of split.hpp.
boost::json::object encode(const Hello& message);
boost::json::object encode(const MetricsRequest& message);
boost::json::object encode(const ViewRequest& message);
boost::json::object encode(const ExportStatus& message);
boost::json::object encode(const SettingsMessage& message);
boost::json::object encode(const Ejected& message);
boost::json::object encode(const RegistriesReport& message);
boost::json::object encode(const AnnouncementsReport& message);
boost::json::object encode(const CertificatesReport& message);
boost::json::object encode(const EdgeReport& message);
boost::json::object encode(const SyncRegistry& message);
boost::json::object encode(const TlsCheck& message);
boost::json::object encode(const TlsFinding& message);
boost::json::object encode(const Reopen& message);
boost::json::object encode(const Shutdown& message);
boost::json::object encode(const Retire& message);

}  // namespace meshd::channel
