// SPDX-License-Identifier: Apache-2.0
#include "app/degradations.hpp"

#include <spdlog/spdlog.h>

namespace meshd::app {

void Degradations::set(const std::string& feature, const std::string& reason, const std::string& remedy) {
    auto [entry, fresh] = all_.try_emplace(feature, Degradation{reason, remedy, std::chrono::system_clock::now()});
    if (!fresh && entry->second.reason == reason) return;
    entry->second.reason = reason;
    entry->second.remedy = remedy;
    spdlog::warn("degraded: {}: {}{}{}", feature, reason, remedy.empty() ? "" : "; ", remedy);
}

void Degradations::clear(const std::string& feature) {
    if (all_.erase(feature) != 0) spdlog::info("no longer degraded: {}", feature);
}

}  // namespace meshd::app
