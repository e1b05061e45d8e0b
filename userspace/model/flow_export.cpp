// SPDX-License-Identifier: Apache-2.0
#include "model/flow_export.hpp"

#include <algorithm>

namespace meshd::model {

namespace {

std::optional<FlowChange> find(const std::array<std::string_view, 3>& words, std::string_view text) {
    const auto* const found = std::find(words.begin(), words.end(), text);
    if (found == words.end()) return std::nullopt;
    return static_cast<FlowChange>(found - words.begin());
}

}  // namespace

std::optional<FlowChange> parse_flow_change(std::string_view text) { return find(flow_changes, text); }
std::optional<FlowChange> parse_flow_event(std::string_view text) { return find(flow_events, text); }

bool FlowChoice::samples(std::uint64_t id) const {
    // The upper 53 bits, which a double holds exactly, as a number from 0 to just below 1.
    return static_cast<double>(id >> 11U) * 0x1p-53 < sample;
}

FlowChoice joined(const FlowChoice& one, const FlowChoice& other) {
    FlowChoice both;
    for (std::size_t i = 0; i < both.changes.size(); ++i) both.changes[i] = one.changes[i] || other.changes[i];
    both.sample = std::max(one.sample, other.sample);
    return both;
}

FlowChoice FlowExport::choice() const {
    constexpr FlowChoice nothing{{false, false, false}, 0};
    return joined(log.enabled() ? log.choice : nothing, otlp.enabled() ? otlp.choice : nothing);
}

}  // namespace meshd::model
