// SPDX-License-Identifier: Apache-2.0
#include "config/settings_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "config/acceleration_reader.hpp"
#include "config/announce_reader.hpp"
#include "config/duration.hpp"
#include "config/edge_reader.hpp"
#include "config/flows_reader.hpp"
#include "config/forwarding_reader.hpp"
#include "config/mapping_reader.hpp"
#include "config/picture_reader.hpp"
#include "config/policy_reader.hpp"
#include "config/prefix_reader.hpp"
#include "config/registries_reader.hpp"
#include "config/system_names.hpp"
#include "config/text_file.hpp"
#include "config/tls_reader.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 24> top_keys{
    "version", "cgroup",  "bpffs",     "run_directory", "state_directory", "node",    "registry",   "announce", "worker",
    "control", "metrics", "reconcile", "log",           "acceleration",    "devices", "forwarding", "flows",    "policy",
    "bounds",  "limits",  "tls",       "edge",          "origination",     "picture"};
constexpr std::array<std::string_view, 5> log_levels{"trace", "debug", "info", "warn", "error"};

constexpr DurationRange shutdown_range{0s, 24h, "a time from 0s to 24h (units: ms, s, m, h)"};
constexpr DurationRange interval_range{1s, 1h, "a time from 1s to 1h (units: ms, s, m, h)"};
// RUN_DIRECTORY/control.sock must fit into sockaddr_un::sun_path: 108 bytes with the terminating NUL.
constexpr std::size_t max_run_directory_length = 108 - 1 - std::string_view("/control.sock").size();

void read_cgroup(Document& document, const MappingReader& top, std::string& result) {
    const auto value = top.find("cgroup");
    const bool is_auto = value.exists() && value.kind() == Kind::scalar && value.text() == "auto";
    if (is_auto)
        result = "auto";
    else
        read_path(document, top, "cgroup", result, {"\"auto\" or an absolute path"});
}

void read_locality(Document& document, const MappingReader& node, std::string& result) {
    constexpr std::string_view expected = "\"REGION/ZONE/NODE\", such as eu/a/n1, or its first parts";
    if (!node.text("locality", result) || result.empty()) return;
    const bool is_sound = result.size() <= 255 && result.front() != '/' && result.back() != '/' &&
                          result.find("//") == std::string::npos && std::count(result.begin(), result.end(), '/') <= 2;
    if (!is_sound) refuse_value(document, node.find("locality"), "\"locality\"", expected);
}

void read_limits(Document& document, const MappingReader& top, Limits& limits) {
    static constexpr std::array<std::string_view, 7> keys{"services", "frontends", "backends",    "connections",
                                                          "tracks",   "flows",     "device_flows"};
    read_section(document, top, "limits", keys, [&](const MappingReader& section) {
        section.number("services", limits.services, {1, max_limits.services});
        section.number("frontends", limits.frontends, {1, max_limits.frontends});
        section.number("backends", limits.backends, {1, max_limits.backends});
        section.number("connections", limits.connections, {1, max_limits.connections});
        section.number("tracks", limits.tracks, {1, max_limits.tracks});
        section.number("flows", limits.flows, {1, max_limits.flows});
        section.number("device_flows", limits.device_flows, {1, max_limits.device_flows});
    });
}

void read_sections(Document& document, const MappingReader& top, Settings& settings) {
    static constexpr std::array<std::string_view, 1> node_keys{"locality"};
    static constexpr std::array<std::string_view, 1> files_keys{"directory"};
    static constexpr std::array<std::string_view, 2> worker_keys{"user", "shutdown_timeout"};
    static constexpr std::array<std::string_view, 1> control_keys{"group"};
    static constexpr std::array<std::string_view, 2> metrics_keys{"enabled", "listen"};
    static constexpr std::array<std::string_view, 1> reconcile_keys{"interval"};
    static constexpr std::array<std::string_view, 1> log_keys{"level"};

    read_section(document, top, "node", node_keys,
                 [&](const MappingReader& node) { read_locality(document, node, settings.locality); });
    read_section(document, top, "registry", registry_keys, [&](const MappingReader& registry) {
        read_section(document, registry, "files", files_keys,
                     [&](const MappingReader& files) { read_path(document, files, "directory", settings.registry_directory); });
        read_registries(document, registry, settings.registries);
        read_store(document, registry, settings.registries, settings.registry_store);
    });
    read_announcements(document, top, settings.registries, settings.announcements);
    read_section(document, top, "worker", worker_keys, [&](const MappingReader& worker) {
        read_account(document, worker, "user", settings.worker_user);
        read_duration(document, worker, "shutdown_timeout", settings.worker_shutdown_timeout, shutdown_range);
    });
    read_section(document, top, "control", control_keys,
                 [&](const MappingReader& control) { read_account(document, control, "group", settings.control_group); });
    read_section(document, top, "metrics", metrics_keys, [&](const MappingReader& metrics) {
        metrics.boolean("enabled", settings.metrics_enabled);
        read_listen(document, metrics, "listen", settings.metrics_listen,
                    "an address and a port such as 127.0.0.1:9707 or \"[::1]:9707\"");
    });
    read_picture(document, top, settings.picture);
    read_section(document, top, "reconcile", reconcile_keys, [&](const MappingReader& reconcile) {
        read_duration(document, reconcile, "interval", settings.reconcile_interval, interval_range);
    });
    read_section(document, top, "log", log_keys,
                 [&](const MappingReader& log) { log.choice("level", settings.log_level, log_levels, parse_log_level); });
    read_section(document, top, "acceleration", acceleration_keys,
                 [&](const MappingReader& section) { read_acceleration(document, section, settings.acceleration); });
    read_devices(document, top, settings.devices);
    read_section(document, top, "forwarding", forwarding_keys,
                 [&](const MappingReader& section) { read_forwarding(document, section, settings.forwarding); });
    read_section(document, top, "flows", flows_keys, [&](const MappingReader& section) {
        read_flows(section, settings.flows);
        read_flow_export(document, section, settings.flow_export);
    });
    read_section(document, top, "policy", policy_keys,
                 [&](const MappingReader& section) { read_policy(section, settings.policy); });
    read_section(document, top, "bounds", bounds_keys,
                 [&](const MappingReader& section) { read_bounds(document, section, settings.bounds); });
    read_limits(document, top, settings.limits);
    read_node_tls(document, top, !settings.registries.kubernetes.empty(), settings.tls);
    read_edge(document, top, settings.edge, settings.acme);
    read_origination(document, top, settings.tls.has_value(), settings.origination);
}

}  // namespace

base::Result<Settings> parse_settings(std::string_view text, std::string_view file_name) {
    auto document = Document::parse(text, file_name);
    if (!document) return base::fail(std::move(document.error()));
    Settings settings;
    if (document->root().kind() == Kind::nothing) return settings;

    MappingReader top(*document, document->root(), "the file", top_keys);
    std::uint32_t version = 1;
    top.number("version", version, {1, 1});
    read_cgroup(*document, top, settings.cgroup);
    read_path(*document, top, "bpffs", settings.bpffs);
    read_path(*document, top, "run_directory", settings.run_directory, {.max_length = max_run_directory_length});
    read_path(*document, top, "state_directory", settings.state_directory);
    read_sections(*document, top, settings);
    if (!document->ok()) return base::fail(document->error());
    return settings;
}

base::Result<Settings> load_settings(const std::string& path) {
    const auto file = read_text_file(path);
    if (!file) return base::fail(file.error());
    return parse_settings(file->text, path);
}

Limits map_limits(const Settings& settings) {
    auto limits = settings.limits;
    if (settings.devices.empty()) limits.tracks = limits.device_flows = 1;
    return limits;
}

std::string_view name(LogLevel level) { return log_levels.at(static_cast<std::size_t>(level)); }

std::optional<LogLevel> parse_log_level(std::string_view text) {
    const auto* const found = std::find(log_levels.begin(), log_levels.end(), text);
    if (found == log_levels.end()) return std::nullopt;
    return static_cast<LogLevel>(found - log_levels.begin());
}

}  // namespace meshd::config
