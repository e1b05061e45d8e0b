// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace meshd::base {

std::int64_t unix_seconds(std::chrono::system_clock::time_point time);  // since the epoch

// RFC 3339 in UTC, whole seconds: "2026-01-31T08:00:00Z"; empty for the epoch, which stands for "never".
std::string time_text(std::chrono::system_clock::time_point time);

}  // namespace meshd::base
