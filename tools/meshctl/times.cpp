// SPDX-License-Identifier: Apache-2.0
#include "times.hpp"

#include <algorithm>
#include <numeric>

namespace meshd::meshctl {

namespace {

std::vector<std::int64_t> numbers(const json::array& values) {
    std::vector<std::int64_t> all;
    for (const auto& value : values) {
        json::error_code error;
        const auto number = value.to_number<std::int64_t>(error);
        all.push_back(error ? 0 : number);
    }
    return all;
}

}  // namespace

Times times_at(const json::object& row, std::string_view member, const json::array& bounds_us) {
    return {numbers(array_at(object_at(row, member), "buckets")), numbers(bounds_us)};
}

Times Times::operator-(const Times& earlier) const {
    auto rest = *this;
    // An agent that forgot what it had counted begins anew.
    for (std::size_t i = 0; i < std::min(rest.buckets.size(), earlier.buckets.size()); ++i)
        if (rest.buckets[i] >= earlier.buckets[i]) rest.buckets[i] -= earlier.buckets[i];
    return rest;
}

std::optional<double> Times::quantile_us(double share) const {
    const auto total = std::accumulate(buckets.begin(), buckets.end(), std::int64_t{0});
    if (total <= 0) return std::nullopt;
    const auto rank = share * static_cast<double>(total);
    double below = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        const auto count = static_cast<double>(buckets[i]);
        const auto lower = i == 0 || i > bounds_us.size() ? 0.0 : static_cast<double>(bounds_us[i - 1]);
        if (below + count < rank || count == 0) {
            below += count;
            continue;
        }
        if (i >= bounds_us.size()) return lower;
        return lower + (static_cast<double>(bounds_us[i]) - lower) * (rank - below) / count;
    }
    return std::nullopt;
}

}  // namespace meshd::meshctl
