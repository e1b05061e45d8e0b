// SPDX-License-Identifier: Apache-2.0
// What agent and worker say to each other, typed. decode() believes nothing: a field that is missing, of another type or out of
// its range is an error that names the message and the field. Fields that are not known are ignored, so that either side can
// learn first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/object.hpp>

#include "base/address.hpp"
#include "base/error.hpp"
#include "model/policy.hpp"
#include "model/service.hpp"

namespace meshd::channel {

// ---- Worker to agent ----

struct Hello {
    std::string version;
    std::int64_t pid = 0;  // as the worker sees itself
};

// A change of what the registries say, or (full) all of it. A batch is one change; it may come in several frames with the same
// sequence, each a Delta of its own, the last of them with last = true.
struct Delta {
    std::uint64_t sequence = 0;  // 1 for the first batch on a channel, one more for each that follows
    bool full = false;           // the batch is the whole state: with `complete`, what it does not name is gone
    bool last = true;
    bool complete = false;  // every file has been read well at least once
    std::vector<model::ServicePtr> upsert;
    std::vector<std::string> remove;  // names of services; none of them is in upsert
};

// All rules of the policy. May come in several frames, the last of them with last = true.
struct Policies {
    std::vector<model::Rule> rules;
    bool complete = false;  // as in Delta: only then are rules that are not there gone
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
    bool last = true;

    bool operator==(const RegistryStatus&) const = default;
};

struct MetricsRequest {
    std::uint64_t id = 0;
};

// ---- Agent to worker ----

struct SettingsMessage {
    std::string registry_directory;  // absolute path
    bool metrics_enabled = true;
    base::SocketAddress metrics_listen;
    std::string log_level = "info";  // trace, debug, info, warn, error

    bool operator==(const SettingsMessage&) const = default;
};

// One part of the answer to a MetricsRequest, in the form that telemetry/exposition.hpp reads. Parts of one answer come in order.
struct MetricsPart {
    std::uint64_t id = 0;
    boost::json::object part;  // {"families": […]}
    bool last = true;
};

struct Shutdown {};

using Message = std::variant<Hello, Delta, Policies, RegistryStatus, MetricsRequest, SettingsMessage, MetricsPart, Shutdown>;

std::string_view type_name(const Message& message);  // "hello", "delta", …

base::Result<Message> decode(boost::json::object message);

// A Delta, Policies, a RegistryStatus or a MetricsPart may be larger than a frame: send those with the functions of split.hpp.
boost::json::object encode(const Hello& message);
boost::json::object encode(const MetricsRequest& message);
boost::json::object encode(const SettingsMessage& message);
boost::json::object encode(const Shutdown& message);

}  // namespace meshd::channel
