// SPDX-License-Identifier: Apache-2.0
#include "app/watchdog.hpp"

#include <cstdint>

#include <systemd/sd-daemon.h>

namespace meshd::app {

void Watchdog::begin() {
    std::uint64_t limit = 0;
    if (::sd_watchdog_enabled(0, &limit) <= 0) return;
    interval_ = std::chrono::microseconds(limit / 2);  // as sd_watchdog_enabled(3) advises
    beat();
}

void Watchdog::beat() {
    ::sd_notify(0, "WATCHDOG=1");
    timer_.expires_after(interval_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) beat();
    });
}

}  // namespace meshd::app
