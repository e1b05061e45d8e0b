// SPDX-License-Identifier: Apache-2.0
// Answers about one service, or about all: --service, and what comes of it.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "command.hpp"

namespace meshd::meshctl {

void add_service_option(CLI::App& verb, std::string& service, const std::string& description = "Only those of this service");

// Nothing is found of a service that does not exist, either: its own route tells. Empty: all services.
Result<void> check_known(const Agent& agent, const std::string& service);

// Events as they come, from a route that answers {"events", "next", "lost"}, until the output ends.
Result<void> watch_events(const Agent& agent, const std::string& route, const std::string& service,
                          const std::function<std::string(const json::object&)>& line_of, Output& output);

}  // namespace meshd::meshctl
