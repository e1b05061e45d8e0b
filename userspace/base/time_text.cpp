// SPDX-License-Identifier: Apache-2.0
#include "base/time_text.hpp"

#include <fmt/chrono.h>

namespace meshd::base {

std::int64_t unix_seconds(std::chrono::system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string time_text(std::chrono::system_clock::time_point time) {
    if (time == std::chrono::system_clock::time_point{}) return {};
    return fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

}  // namespace meshd::base
