// SPDX-License-Identifier: Apache-2.0
// The agent's command line, laid over its configuration file.
#pragma once

#include <optional>
#include <string>

#include "base/error.hpp"
#include "config/settings.hpp"

namespace meshd::app {

struct Options {
    std::string config_file = "/etc/meshd/meshd.yaml";
    bool config_named = false;  // given by hand: then it must exist
    std::string worker_binary;
    bool check = false;
    bool unload = false;
    bool roll_back = false;
    bool forget_previous = false;

    // Each overrides the same key of the file.
    std::optional<std::string> cgroup, bpffs, run_directory, state_directory, registry_directory, worker_user, control_group;
    std::optional<std::chrono::milliseconds> worker_shutdown_timeout;
    std::optional<base::SocketAddress> metrics_listen;
    std::optional<config::LogLevel> log_level;
};

// Nothing: the process is to end with `exit_code` (help, version, usage), and what there was to say is said.
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

// The file with the options over it. A file that does not exist is an empty one, unless it was named.
base::Result<config::Settings> effective_settings(const Options& options);

}  // namespace meshd::app
