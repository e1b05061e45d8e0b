// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace meshd::app {

// Lines on stderr, without a time where the journal adds its own (JOURNAL_STREAM is set).
void start_log(config::LogLevel level);
void set_log_level(config::LogLevel level);

// The last lines, oldest first, each without its line feed.
std::vector<std::string> last_log_lines();

}  // namespace meshd::app
