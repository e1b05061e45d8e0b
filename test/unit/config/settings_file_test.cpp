// SPDX-License-Identifier: Apache-2.0
#include "config/settings_file.hpp"

#include <cerrno>

#include <gtest/gtest.h>

#include "temporary_file.hpp"

namespace meshd::config {
namespace {

using namespace std::chrono_literals;

Settings parsed(std::string_view text) {
    const auto settings = parse_settings(text, "meshd.yaml");
    EXPECT_TRUE(settings.has_value()) << settings.error().message();
    return settings.value_or(Settings{});
}

TEST(Settings, OfAnEmptyFileAreTheDefaults) {
    for (const auto* text : {"", "\n", "# only a comment\n", "---\n", "{}\n", "version: 1\n"})
        EXPECT_EQ(parsed(text), Settings{}) << text;
}

model::Registries only_files_compared_each_minute() {
    model::Registries registries;
    registries.order = {"files"};
    registries.resync = 1min;
    return registries;
}

TEST(Settings, AreReadFromEveryKey) {
    const auto settings = parsed(R"(
version: 1
cgroup: /sys/fs/cgroup/unified
bpffs: /run/bpf/
run_directory: /run/other
state_directory: "/var/lib/other state"
registry: {files: {directory: /srv/services}, order: [files], resync: 1m}
worker: {user: nobody, shutdown_timeout: 90s}
control: {group: wheel}
metrics: {enabled: false, listen: "[::1]:0"}
reconcile: {interval: 5m}
log: {level: debug}
limits: {services: 10, frontends: 20, backends: 30, connections: 40, tracks: 50, flows: 60, device_flows: 70}
acceleration:
  mode: named
  default: all
  memory: 1GiB
  exclude:
    - service: shop/web
    - {port: 5432}
    - cgroup: /system.slice/foo.service/
    - {user: postgres}
    - {user: 1000}
devices: [eth0, "veth*", "!veth0"]
forwarding:
  default: dsr
  masquerade: never
  no_backend: drop
  ports: 50000-50999
  timeouts: {opening: 1s, established: 168h, closing: 2m, closed: 1500ms, udp: 2m}
node: {locality: eu/a/n1}
flows:
  enabled: false
  devices: false
  log: {file: /var/log/flows, events: [opened, refused], sample: 0.25, rotate: {size: 64KiB, keep: 1000}}
  otlp:
    endpoint: https://collector.example:4318/base/
    headers: {Authorization: Bearer abc, X-Scope-OrgID: "1"}
    ca: /etc/ssl/own.pem
    sample: 1e-3
    events: [closed]
    batch: {records: 100, interval: 250ms}
    queue: 1000
policy: {default: deny, mode: audit}
bounds: {addresses: [10.96.0.0/12, "fd00::/8"], backends: [10.0.0.1]}
)");
    const Settings expected{
        .cgroup = "/sys/fs/cgroup/unified",
        .bpffs = "/run/bpf",
        .run_directory = "/run/other",
        .state_directory = "/var/lib/other state",
        .registry_directory = "/srv/services",
        .registries = only_files_compared_each_minute(),
        .worker_user = "nobody",
        .worker_shutdown_timeout = 90s,
        .control_group = "wheel",
        .metrics_enabled = false,
        .metrics_listen = {*base::IpAddress::parse("::1"), 0},
        .reconcile_interval = 5min,
        .log_level = LogLevel::debug,
        .locality = "eu/a/n1",
        .limits = {10, 20, 30, 40, 50, 60, 70},
        .acceleration = {.mode = AccelerationMode::named,
                         .scope = AccelerationDefault::all,
                         .memory_bytes = 1U << 30U,
                         .exclude = {{Exclusion::Kind::service, "shop/web"},
                                     {Exclusion::Kind::port, "5432"},
                                     {Exclusion::Kind::cgroup, "/system.slice/foo.service"},
                                     {Exclusion::Kind::user, "postgres"},
                                     {Exclusion::Kind::user, "1000"}}},
        .devices = {"eth0", "veth*", "!veth0"},
        .forwarding = {.mode = model::Forward::dsr,
                       .masquerade = Masquerade::never,
                       .no_backend = NoBackend::drop,
                       .ports = {50000, 50999},
                       .timeouts = {1s, 168h, 2min, 1500ms, 2min}},
        .flows = {false, false},
        .flow_export = {.log = {"/var/log/flows", {{true, false, true}, 0.25}, 65536, 1000},
                        .otlp = {"https://collector.example:4318/base",
                                 {{"Authorization", "Bearer abc"}, {"X-Scope-OrgID", "1"}},
                                 "/etc/ssl/own.pem",
                                 {{false, true, false}, 0.001},
                                 100,
                                 250ms,
                                 1000}},
        .policy = {.otherwise = model::Action::deny, .mode = PolicyMode::audit},
        .bounds = {{*base::Prefix::parse("10.96.0.0/12"), *base::Prefix::parse("fd00::/8")}, {*base::Prefix::parse("10.0.0.1")}}};
    EXPECT_EQ(settings, expected);
}

TEST(Settings, OfTheExampleFileAreTheDefaults) {
    const auto settings = load_settings(MESHD_EXAMPLES "/meshd.yaml");
    ASSERT_TRUE(settings.has_value()) << settings.error().message();
    EXPECT_EQ(*settings, Settings{});
}

TEST(Settings, TakeTimesInEveryUnit) {
    const std::pair<const char*, std::chrono::milliseconds> times[] = {
        {"1000ms", 1s}, {"1s", 1s}, {"1500ms", 1500ms}, {"60m", 1h}, {"1h", 1h}};
    for (const auto& [text, expected] : times)
        EXPECT_EQ(parsed(std::string("reconcile: {interval: ") + text + "}").reconcile_interval, expected) << text;
}

TEST(Settings, TakeEveryLogLevel) {
    for (const auto* level : {"trace", "debug", "info", "warn", "error"})
        EXPECT_EQ(name(parsed(std::string("log: {level: ") + level + "}").log_level), level);
}

TEST(Settings, TakeSizesInEveryUnitUpToTheBounds) {
    const std::pair<const char*, std::uint64_t> sizes[] = {{"1024KiB", 1ULL << 20U},
                                                           {"1MiB", 1ULL << 20U},
                                                           {"1025KiB", 1025ULL << 10U},
                                                           {"3GiB", 3ULL << 30U},
                                                           {"1024GiB", 1ULL << 40U}};
    for (const auto& [text, expected] : sizes)
        EXPECT_EQ(parsed(std::string("acceleration: {memory: ") + text + "}").acceleration.memory_bytes, expected) << text;
}

TEST(Settings, TakeEveryModeAndDefaultOfAcceleration) {
    for (const auto* mode : {"auto", "on", "named", "off"})
        for (const std::string quote : {"", "\"", "'"})  // on and off are text, with quotes and without
            EXPECT_EQ(name(parsed("acceleration: {mode: " + quote + mode + quote + "}").acceleration.mode), mode);
    for (const auto* scope : {"services", "all", "off"})
        EXPECT_EQ(name(parsed(std::string("acceleration: {default: ") + scope + "}").acceleration.scope), scope);
}

std::string exclusions(std::size_t count) {
    std::string text = "acceleration:\n  exclude:\n";
    for (std::size_t port = 1; port <= count; ++port) text += "    - port: " + std::to_string(port) + "\n";
    return text;
}

TEST(Settings, TakeAsManyExclusionsAsAreAllowed) {
    EXPECT_EQ(parsed(exclusions(max_exclusions)).acceleration.exclude.size(), max_exclusions);
    const auto refused = parse_settings(exclusions(max_exclusions + 1), "meshd.yaml");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message(), "cannot accept meshd.yaml:3:5: \"exclude\" must have at most 256 exclusions, found 257");
}

TEST(Settings, TakeTheSameTextInExclusionsOfDifferentKinds) {
    const auto exclude = parsed("acceleration: {exclude: [{service: a}, {user: a}, {port: 1}, {user: 1}]}").acceleration.exclude;
    EXPECT_EQ(exclude.size(), 4U);
}

TEST(Settings, MayBeWrittenAsJsonOrWithWindowsLineEnds) {
    EXPECT_EQ(parsed("{\"log\": {\"level\": \"warn\"}}").log_level, LogLevel::warn);
    EXPECT_EQ(parsed("\xef\xbb\xbflog:\r\n  level: warn\r\n").log_level, LogLevel::warn);
}

TEST(Settings, OfAMissingFileAreAnError) {
    const auto settings = load_settings("/nonexistent/meshd.yaml");
    ASSERT_FALSE(settings.has_value());
    EXPECT_EQ(settings.error().code, ENOENT);
    EXPECT_EQ(settings.error().message(), "cannot read /nonexistent/meshd.yaml: No such file or directory");
}

TEST(Settings, OfWhatIsNoFileAreAnError) {
    const auto settings = load_settings("/tmp");
    ASSERT_FALSE(settings.has_value());
    EXPECT_EQ(settings.error().message(), "cannot read /tmp: not a regular file");
}

TEST(Settings, OfAFileThatIsTooLargeAreAnError) {
    const TemporaryFile file("# " + std::string(max_file_bytes, '-'));
    const auto settings = load_settings(file.path());
    ASSERT_FALSE(settings.has_value());
    EXPECT_EQ(settings.error().message(), "cannot read " + file.path() + ": larger than 64 MiB; split it into several files");
}

TEST(Settings, OfAFileNameItInTheirErrors) {
    const TemporaryFile file("log: {level: loud}\n");
    const auto settings = load_settings(file.path());
    ASSERT_FALSE(settings.has_value());
    EXPECT_EQ(settings.error().object, file.path() + ":1:14");
}

}  // namespace
}  // namespace meshd::config
