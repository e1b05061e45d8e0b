// SPDX-License-Identifier: Apache-2.0
// Reads meshd.yaml. Every key of docs/configuration.md and no other; a file is taken whole or not at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "config/settings.hpp"

namespace meshd::config {

// Errors name FILE:LINE:COLUMN as their object. `file_name` is only for them.
base::Result<Settings> parse_settings(std::string_view text, std::string_view file_name);
base::Result<Settings> load_settings(const std::string& path);

std::string_view name(LogLevel level);  // "trace", "debug", "info", "warn", "error"
std::optional<LogLevel> parse_log_level(std::string_view text);

}  // namespace meshd::config
