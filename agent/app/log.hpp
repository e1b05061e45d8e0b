// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/settings.hpp"

namespace meshd::app {

// Lines on stderr, without a time where the journal adds its own (JOURNAL_STREAM is set).
void start_log(config::LogLevel level);
void set_log_level(config::LogLevel level);

}  // namespace meshd::app
