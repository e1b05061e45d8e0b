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

TEST(Settings, AreReadFromEveryKey) {
    const auto settings = parsed(R"(
version: 1
cgroup: /sys/fs/cgroup/unified
bpffs: /run/bpf/
run_directory: /run/other
state_directory: "/var/lib/other state"
registry: {files: {directory: /srv/services}}
worker: {user: nobody}
control: {group: wheel}
metrics: {enabled: false, listen: "[::1]:0"}
reconcile: {interval: 5m}
log: {level: debug}
limits: {services: 10, frontends: 20, backends: 30}
)");
    const Settings expected{.cgroup = "/sys/fs/cgroup/unified",
                            .bpffs = "/run/bpf",
                            .run_directory = "/run/other",
                            .state_directory = "/var/lib/other state",
                            .registry_directory = "/srv/services",
                            .worker_user = "nobody",
                            .control_group = "wheel",
                            .metrics_enabled = false,
                            .metrics_listen = {*base::IpAddress::parse("::1"), 0},
                            .reconcile_interval = 5min,
                            .log_level = LogLevel::debug,
                            .limits = {10, 20, 30}};
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
