// SPDX-License-Identifier: Apache-2.0
#include "model/balancing.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace meshd::model {

namespace {

template <typename Enum, std::size_t N>
using Names = std::array<std::pair<std::string_view, Enum>, N>;

template <typename Enum, std::size_t N>
std::optional<Enum> find(const Names<Enum, N>& names, std::string_view text) {
    for (const auto& [label, value] : names)
        if (label == text) return value;
    return std::nullopt;
}

template <typename Enum, std::size_t N>
std::string_view find(const Names<Enum, N>& names, Enum wanted) {
    for (const auto& [label, value] : names)
        if (value == wanted) return label;
    return "unknown";
}

constexpr Names<Balancing, 6> balancing_names{{
    {"random", Balancing::random},
    {"round_robin", Balancing::round_robin},
    {"weighted", Balancing::weighted},
    {"maglev", Balancing::maglev},
    {"least_connections", Balancing::least_connections},
    {"latency", Balancing::latency},
}};

constexpr Names<HashBy, 3> hash_names{{
    {"source", HashBy::source},
    {"workload", HashBy::workload},
    {"connection", HashBy::connection},
}};

constexpr Names<Near, 4> near_names{{
    {"anywhere", Near::anywhere},
    {"region", Near::region},
    {"zone", Near::zone},
    {"node", Near::node},
}};

// The first `parts` parts of a locality; nothing when it has fewer.
std::string_view head(std::string_view locality, std::size_t parts) {
    std::size_t end = 0;
    for (std::size_t part = 0; part < parts; ++part) {
        const auto start = part == 0 ? 0 : end + 1;
        if (start >= locality.size()) return {};
        end = std::min(locality.find('/', start), locality.size());
        if (end == start) return {};
    }
    return locality.substr(0, end);
}

}  // namespace

std::string_view name(Balancing balancing) { return find(balancing_names, balancing); }
std::string_view name(HashBy hash) { return find(hash_names, hash); }
std::string_view name(Near near) { return find(near_names, near); }

std::optional<Balancing> parse_balancing(std::string_view text) { return find(balancing_names, text); }
std::optional<HashBy> parse_hash_by(std::string_view text) { return find(hash_names, text); }

std::optional<Near> parse_near(std::string_view text) {
    const auto found = find(near_names, text);
    return found == Near::anywhere ? std::nullopt : found;
}

bool has_labels(const Labels& of, const Labels& wanted) {
    return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
        const auto found = of.find(label.first);
        return found != of.end() && found->second == label.second;
    });
}

bool is_near(std::string_view locality, std::string_view other, Near near) {
    if (near == Near::anywhere) return true;
    const auto parts = static_cast<std::size_t>(near);
    const auto mine = head(locality, parts);
    return !mine.empty() && mine == head(other, parts);
}

}  // namespace meshd::model
