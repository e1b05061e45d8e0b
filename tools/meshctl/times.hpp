// SPDX-License-Identifier: Apache-2.0
// Times that were counted in buckets.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "value.hpp"

namespace meshd::meshctl {

struct Times {
    std::vector<std::int64_t> buckets;    // counts; the last one has no upper bound
    std::vector<std::int64_t> bounds_us;  // upper bounds of all but the last

    [[nodiscard]] Times operator-(const Times& earlier) const;
    // Taken as spread evenly within a bucket; in the last one its lower bound. Nothing without any count.
    [[nodiscard]] std::optional<double> quantile_us(double share) const;
};

Times times_at(const json::object& row, std::string_view member, const json::array& bounds_us);

}  // namespace meshd::meshctl
