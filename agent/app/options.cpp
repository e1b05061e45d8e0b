// SPDX-License-Identifier: Apache-2.0
#include "app/options.hpp"

#include <filesystem>
#include <iostream>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/version.hpp"
#include "config/duration.hpp"
#include "config/settings_file.hpp"
#include "meshd/abi.h"

namespace meshd::app {

namespace fs = std::filesystem;

namespace {

constexpr int usage_exit = 2;

// The worker is installed in libexec and built beside the agent.
std::string default_worker() {
    std::error_code error;
    const auto own = fs::read_symlink("/proc/self/exe", error).parent_path();
    for (const auto& candidate : {own / "meshd-userspace", own / "../libexec/meshd/meshd-userspace"})
        if (fs::exists(candidate, error)) return candidate.lexically_normal().string();
    return (own / "meshd-userspace").string();
}

std::string absolute(const std::string& path) { return path == "auto" ? path : fs::absolute(path).lexically_normal().string(); }

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
    Options options;
    options.worker_binary = default_worker();
    CLI::App app{
        "meshd, the node agent of a service mesh: balances connections to services inside the kernel.\n"
        "SIGTERM ends it and leaves programs and maps at work; SIGHUP reads the configuration again."};
    app.footer("See meshd(8), meshd.yaml(5) and meshctl(1).");
    app.set_version_flag(
        "--version", std::string("meshd ") + base::version + " (" + base::commit + "), ABI " + std::to_string(MD_ABI_VERSION));
    std::string metrics;
    std::string level;
    auto* const config = app.add_option("--config", options.config_file, "configuration file")->capture_default_str();
    app.add_option("--cgroup", options.cgroup, "directory of cgroup v2 whose processes are served; auto: all");
    app.add_option("--bpffs", options.bpffs, "BPF file system to pin under");
    app.add_option("--run-dir", options.run_directory, "directory of the control socket");
    app.add_option("--state-dir", options.state_directory, "directory of the last known good state");
    app.add_option("--registry-dir", options.registry_directory, "directory of service files");
    app.add_option("--worker-user", options.worker_user, "user that the worker runs as");
    app.add_option_function<std::string>(
           "--worker-shutdown-timeout",
           [&](const std::string& text) { options.worker_shutdown_timeout = config::parse_duration(text); },
           "how long a worker that is replaced, or whose agent ends, goes on with its connections: 10m, 0s …")
        ->check([](const std::string& text) {
            return config::parse_duration(text) ? std::string() : "expected a time such as 30s or 10m, not '" + text + "'";
        });
    app.add_option("--control-group", options.control_group, "group that may read from the control socket");
    app.add_option("--worker", options.worker_binary, "path of meshd-userspace")->capture_default_str();
    app.add_option("--metrics", metrics, "ADDRESS:PORT of the metrics page; port 0: any free one");
    app.add_option("--log-level", level, "trace, debug, info, warn or error")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
    auto* const check = app.add_flag("--check", options.check,
                                     "say whether this version could begin here, in the place of one that runs, and end");
    auto* const unload =
        app.add_flag("--unload", options.unload, "detach all programs, remove all pins and end; nothing else removes them")
            ->excludes(check);
    auto* const roll_back =
        app.add_flag("--roll-back", options.roll_back,
                     "bring back programs and maps of the older version that this one took over from, for an agent "
                     "of that version to begin with, and end")
            ->excludes(check)
            ->excludes(unload);
    app.add_flag("--forget-previous", options.forget_previous, "give back what --roll-back needs, and end")
        ->excludes(check)
        ->excludes(unload)
        ->excludes(roll_back);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        exit_code = app.exit(error) == 0 ? 0 : usage_exit;
        return std::nullopt;
    }
    options.config_named = config->count() > 0;
    if (!level.empty()) options.log_level = config::parse_log_level(level);
    if (!metrics.empty()) {
        options.metrics_listen = base::SocketAddress::parse(metrics);
        if (!options.metrics_listen) {
            std::cerr << "meshd: --metrics: expected ADDRESS:PORT, for example 127.0.0.1:9707 or [::1]:9707, not '" << metrics
                      << "'\n";
            exit_code = usage_exit;
            return std::nullopt;
        }
    }
    for (auto* const path :
         {&options.cgroup, &options.bpffs, &options.run_directory, &options.state_directory, &options.registry_directory})
        if (*path) **path = absolute(**path);
    return options;
}

base::Result<config::Settings> effective_settings(const Options& options) {
    config::Settings settings;
    std::error_code error;
    if (options.config_named || fs::exists(options.config_file, error)) {
        auto loaded = config::load_settings(options.config_file);
        if (!loaded) return loaded;
        settings = std::move(*loaded);
    }
    const auto lay = [](auto& setting, const auto& option) {
        if (option) setting = *option;
    };
    lay(settings.cgroup, options.cgroup);
    lay(settings.bpffs, options.bpffs);
    lay(settings.run_directory, options.run_directory);
    lay(settings.state_directory, options.state_directory);
    lay(settings.registry_directory, options.registry_directory);
    lay(settings.worker_user, options.worker_user);
    lay(settings.worker_shutdown_timeout, options.worker_shutdown_timeout);
    lay(settings.control_group, options.control_group);
    lay(settings.metrics_listen, options.metrics_listen);
    lay(settings.log_level, options.log_level);
    if (settings.tls) model::place_issued(*settings.tls, settings.state_directory + "/tls");
    if (settings.acme) model::place_acme(settings.edge, *settings.acme, settings.state_directory + "/acme");
    return settings;
}

}  // namespace meshd::app
