// SPDX-License-Identifier: Apache-2.0
// The agent as its control socket sees it. The router has checked every argument before it calls; each object that is returned is
// the whole answer, in the form that docs/api.md shows. All calls come on the thread of the agent's loop.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/address.hpp"
#include "base/error.hpp"
#include "config/settings.hpp"
#include "model/service.hpp"

namespace meshd::control {

struct ExplainQuery {
    base::SocketAddress destination;  // port is never 0
    base::Protocol protocol = base::Protocol::tcp;
    std::optional<base::IpAddress> from;  // the address that the application's socket is bound to, when that was given
};

// Exactly one of each side, or nothing of `from`: a process of this node of which nothing is known.
struct PolicyQuery {
    std::string from_workload;                    // a cgroup, as a path below the mount
    std::optional<base::IpAddress> from_address;  // what it is bound to, or whose packets come in
    std::string from_identity;                    // SPIFFE ID of a connection from another host; then to_service is given
    std::string to_service;
    std::optional<base::IpAddress> to_address;
    std::uint16_t port = 0;  // never 0 with an address; with a service 0: its first
    std::optional<base::Protocol> protocol;
};

// Which handshakes are to be made.
struct TlsCheckQuery {
    std::string service;
    std::optional<base::SocketAddress> backend;  // only this one; port is never 0
    std::string identity;                        // the name of one of tls.identities; empty: the node's
    bool is_all = false;                         // more than the first backends
};

struct PauseQuery {
    std::optional<std::string> service;            // nothing: the whole node
    std::optional<std::chrono::seconds> duration;  // 1 s to 24 h; nothing: until resumed
};

// Flows, translated connections among them.
enum class FlowState : std::uint8_t { opening, established, closing, closed, reset, failed };
enum class FlowSource : std::uint8_t { client, server, device, forwarding };  // whose socket, or what else knows of it
enum class FlowSort : std::uint8_t { age, bytes, rtt, retransmits, connect, response };

// The words of the query and of the answer, in the order of the enumerations.
inline constexpr std::array<std::string_view, 6> flow_states{"opening", "established", "closing", "closed", "reset", "failed"};
inline constexpr std::array<std::string_view, 4> flow_sources{"client", "server", "device", "forwarding"};
inline constexpr std::array<std::string_view, 6> flow_sorts{"age", "bytes", "rtt", "retransmits", "connect", "response"};

// What is not given, or zero, matches everything.
struct FlowQuery {
    std::optional<std::string> service;
    std::optional<base::SocketAddress> backend;  // port 0: any
    std::optional<base::SocketAddress> address;  // of any of its ends, or of the service
    std::optional<FlowState> state;
    std::optional<FlowSource> source;
    std::chrono::milliseconds min_age{0};
    FlowSort sort = FlowSort::age;  // youngest first; all others: most first
    std::size_t limit = 100;
};

struct WatchQuery {
    std::optional<std::uint64_t> cursor;  // "next" of the answer before; nothing: from now on
    std::optional<std::string> service;
};

// A backend as people name it: of a service, on each of its ports.
struct BackendStateQuery {
    std::string service;
    base::SocketAddress backend;  // port is never 0
    model::BackendState state = model::BackendState::ready;
    std::optional<std::chrono::seconds> duration;  // 1 s to 30 days; nothing: until it is taken back
};

// Services that might be.
struct PlanQuery {
    std::vector<model::Service> services;  // valid each and together
    bool complete = false;                 // these are all
    bool of_files = false;                 // of all files; what other registries say stays
    std::set<std::string> asked;           // with of_files: names of those whose backends are not listed, but asked for
};

struct LogLevelQuery {
    config::LogLevel level = config::LogLevel::info;
    std::optional<std::chrono::seconds> duration;  // 1 s to 24 h; nothing: until the agent ends or its configuration changes
};

struct EventQuery {
    std::optional<std::string> service;
    std::size_t limit = 100;  // the last so many
};

// Takes an answer that needs longer than the loop may be held up: the text of a JSON object. Called once, on the loop's thread.
using Later = std::function<void(base::Result<std::string> body)>;

// A Result that is an error becomes status 409 when its code is EBUSY (the agent's state does not allow it now) and 500
// otherwise.
class Agent {
public:
    Agent() = default;
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    virtual ~Agent() = default;

    virtual boost::json::object version() = 0;
    virtual boost::json::object status() = 0;
    virtual base::Result<boost::json::object> services() = 0;
    // {"service": …}, or nothing when there is no service of that name.
    virtual base::Result<std::optional<boost::json::object>> service(std::string_view name) = 0;
    virtual base::Result<boost::json::object> backends() = 0;
    virtual boost::json::object drift() = 0;
    virtual base::Result<boost::json::object> maps() = 0;
    // Network devices whose packets are looked at.
    virtual boost::json::object devices() = 0;
    // The registries that are followed, and how they stand.
    virtual boost::json::object registries() = 0;
    // Services of this host that are announced, and how they stand.
    virtual boost::json::object announcements() = 0;
    // Certificates of this host, and how they stand.
    virtual boost::json::object certificates() = 0;
    // Listeners for clients from outside, and how they stand.
    virtual boost::json::object edge() = 0;
    // Whose connections go out under which identity; with a process: which its sockets have, and why.
    virtual base::Result<boost::json::object> identities(std::optional<std::int32_t> pid) = 0;
    // Handshakes with the hosts of a service's backends, and what they showed.
    virtual void check_tls(const TlsCheckQuery& query, Later later) = 0;
    // Another worker takes the place of the one that is there: {"pid": …} of it.
    virtual void replace_worker(Later later) = 0;
    virtual base::Result<boost::json::object> explain(const ExplainQuery& query) = 0;
    // What would be done if these were the services; nothing is changed.
    virtual base::Result<boost::json::object> plan(PlanQuery query) = 0;

    virtual base::Result<boost::json::object> policy() = 0;
    virtual base::Result<boost::json::object> policy_check(const PolicyQuery& query) = 0;

    // The short way between sockets of this host: whether and why it is on, and what the self-test has seen.
    virtual boost::json::object acceleration() = 0;
    virtual base::Result<boost::json::object> acceleration_top() = 0;

    virtual void flows(const FlowQuery& query, Later later) = 0;
    // What has begun, ended or was refused since the cursor; waits for a while when that is nothing.
    virtual void watch_flows(const WatchQuery& query, Later later) = 0;
    // What went to each backend, and how long it took.
    virtual void traffic(Later later) = 0;
    // Forgets translated connections; at least one of service, backend and address is given.
    virtual void flush_connections(const FlowQuery& query, Later later) = 0;

    // What has happened to backends.
    virtual boost::json::object events(const EventQuery& query) = 0;
    virtual void watch_events(const WatchQuery& query, Later later) = 0;
    // A person's word about a backend, and that it holds no longer. Nothing when no port of the service has such a backend.
    virtual base::Result<std::optional<boost::json::object>> set_backend_state(const BackendStateQuery& query) = 0;
    virtual base::Result<std::optional<boost::json::object>> reset_backend_state(const BackendStateQuery& query) = 0;

    virtual base::Result<boost::json::object> reconcile() = 0;
    // Asks a registry for all that it says, or (none is named) all of them. Nothing when there is none of this name.
    virtual base::Result<std::optional<boost::json::object>> sync_registry(const std::optional<std::string>& name) = 0;
    // An announced service is to take no new connections, or again. Nothing when none of this name is announced.
    virtual base::Result<std::optional<boost::json::object>> drain_announcement(const std::string& name, bool is_drained) = 0;
    // Connections stay; their bytes take the way of TCP. Nothing when there is no such service.
    virtual base::Result<std::optional<boost::json::object>> pause_acceleration(const PauseQuery& query) = 0;
    // Without a service: ends every pause. Nothing when there is no such service.
    virtual base::Result<std::optional<boost::json::object>> resume_acceleration(const std::optional<std::string>& service) = 0;
    // Proves anew what this kernel can do, and sets the mode by it.
    virtual base::Result<boost::json::object> selftest_acceleration() = 0;
    // What is logged now, and until when.
    virtual boost::json::object set_log_level(const LogLevelQuery& query) = 0;

    // What of the kernel is used, and what in its place.
    virtual boost::json::object features() = 0;
    // What a look at this node finds: what is well, and what is to be mended.
    virtual base::Result<boost::json::object> examine() = 0;
    // The last lines of the agent's log.
    virtual boost::json::object log_tail() = 0;
    // The agent's metrics as values.
    virtual void metrics(Later later) = 0;
};

}  // namespace meshd::control
