// SPDX-License-Identifier: Apache-2.0
#include "acme/schedule.hpp"

#include <algorithm>

namespace meshd::acme {

using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::seconds;

Time renewal_of(Time begins, Time ends, const model::AcmeSettings& settings, double chance) {
    constexpr int parts = 3;         // of its lifetime: the last one is left when it is renewed
    constexpr double spread = 0.05;  // of its lifetime
    const auto lifetime = ends - begins;
    const auto usual = lifetime / parts;
    const auto left = settings.renew_before.count() == 0 ? usual : Time::duration(settings.renew_before);
    const auto earlier = duration_cast<Time::duration>(duration<double>(lifetime) * (spread * chance));
    return std::max(begins + usual, ends - left - earlier);
}

seconds wait_after(std::uint32_t failures, bool is_rate_limited, double chance) {
    constexpr std::uint32_t doublings = 11;  // one minute is more than a day then
    constexpr double least = 0.5;
    const auto times = 1U << std::min(failures == 0 ? 0 : failures - 1, doublings);
    const auto whole = std::min(seconds(first_wait) * times, seconds(longest_wait));
    const auto wait = duration_cast<seconds>(duration<double>(whole) * (least + (1 - least) * chance));
    return is_rate_limited ? std::max(wait, seconds(wait_at_limit)) : wait;
}

}  // namespace meshd::acme
