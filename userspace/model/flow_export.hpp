// SPDX-License-Identifier: Apache-2.0
// Where flows are told of beside the control socket: a file of JSON lines and a collector of OpenTelemetry.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace meshd::model {

enum class FlowChange : std::uint8_t { opened, closed, refused };

// The words of meshd.yaml, and those of an event's JSON, both in the order of the enumeration: a flow is closed however it ended.
inline constexpr std::array<std::string_view, 3> flow_changes{"opened", "closed", "refused"};
inline constexpr std::array<std::string_view, 3> flow_events{"opened", "ended", "refused"};

std::optional<FlowChange> parse_flow_change(std::string_view text);  // of flow_changes
std::optional<FlowChange> parse_flow_event(std::string_view text);   // of flow_events

// A number for each change: how many events.
using ChangeCounts = std::array<std::uint64_t, 3>;

// Which events are told. The share is one of flows, not of events: it is decided by the flow's id, which is a hash.
struct FlowChoice {
    std::array<bool, 3> changes{false, true, true};  // by FlowChange
    double sample = 1;                               // from 0 to 1

    [[nodiscard]] bool wants(FlowChange change) const { return changes[static_cast<std::size_t>(change)]; }
    [[nodiscard]] bool samples(std::uint64_t id) const;
    bool operator==(const FlowChoice&) const = default;
};

// What one of the two wants.
FlowChoice joined(const FlowChoice& one, const FlowChoice& other);

struct FlowLog {
    std::string file;  // absolute path or to_stdout; empty: none
    FlowChoice choice;
    std::uint64_t rotate_size = std::uint64_t{100} << 20U;  // bytes
    std::uint32_t rotate_keep = 5;                          // files beside the one that is written

    [[nodiscard]] bool enabled() const { return !file.empty(); }
    bool operator==(const FlowLog&) const = default;
};
inline constexpr std::string_view to_stdout = "stdout";

struct OtlpExport {
    std::string endpoint;  // http(s)://HOST[:PORT][/PATH] without a slash at its end; empty: none
    std::map<std::string, std::string> headers;
    std::string ca = "/etc/ssl/certs/ca-certificates.crt";
    FlowChoice choice;
    std::uint32_t batch_records = 512;
    std::chrono::milliseconds batch_interval = std::chrono::seconds(5);
    std::uint32_t queue = 8192;  // records

    [[nodiscard]] bool enabled() const { return !endpoint.empty(); }
    bool operator==(const OtlpExport&) const = default;
};

struct FlowExport {
    FlowLog log;
    OtlpExport otlp;

    [[nodiscard]] bool enabled() const { return log.enabled() || otlp.enabled(); }
    // What some exporter wants; nothing of any change when there is none.
    [[nodiscard]] FlowChoice choice() const;
    bool operator==(const FlowExport&) const = default;
};

}  // namespace meshd::model
