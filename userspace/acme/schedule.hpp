// SPDX-License-Identifier: Apache-2.0
// When a certificate is ordered. Pure: the time is given.
#pragma once

#include <chrono>
#include <cstdint>

#include "model/acme.hpp"

namespace meshd::acme {

using Time = std::chrono::system_clock::time_point;

inline constexpr std::chrono::minutes first_wait{1};
inline constexpr std::chrono::hours longest_wait{24};
inline constexpr std::chrono::hours wait_at_limit{1};  // at least, when the authority says that it was asked too often

// When one that is there is renewed: not before a third of its lifetime is over, whatever the settings say, since an authority
// decides how long its certificates live. `chance`, from 0 to 1, spreads those that began together.
Time renewal_of(Time begins, Time ends, const model::AcmeSettings& settings, double chance);

// How long one waits after so many failures in a row: twice as long each time, less up to a half by chance.
std::chrono::seconds wait_after(std::uint32_t failures, bool is_rate_limited, double chance);

}  // namespace meshd::acme
