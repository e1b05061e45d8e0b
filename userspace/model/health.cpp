// SPDX-License-Identifier: Apache-2.0
#include "model/health.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace meshd::model {

namespace {

constexpr std::array<std::string_view, 6> type_names{"tcp", "http", "http2", "https", "grpc", "exec"};

constexpr std::array<std::string_view, probe_results> result_names{
#define X(enumerator, label, meaning) label,
    MESHD_PROBE_RESULTS(X)
#undef X
};

template <typename Enum, std::size_t count>
std::optional<Enum> find(const std::array<std::string_view, count>& names, std::string_view text) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

std::optional<std::uint16_t> parse_status(std::string_view text) {
    std::uint16_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || stop != text.data() + text.size() || text.size() != 3 || number < 100 || number > 599)
        return std::nullopt;
    return number;
}

}  // namespace

std::string_view name(ProbeType type) { return type_names.at(static_cast<std::size_t>(type)); }
std::optional<ProbeType> parse_probe_type(std::string_view text) { return find<ProbeType>(type_names, text); }

std::string text(const StatusRange& range) {
    auto text = std::to_string(range.first);
    return range.first == range.last ? text : text + "-" + std::to_string(range.last);
}

std::optional<StatusRange> parse_status_range(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = parse_status(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_status(text.substr(dash + 1));
    if (!first || !last || *first > *last) return std::nullopt;
    return StatusRange{*first, *last};
}

std::string_view name(ProbeResult result) { return result_names.at(static_cast<std::size_t>(result)); }
std::optional<ProbeResult> parse_probe_result(std::string_view text) { return find<ProbeResult>(result_names, text); }

std::string BackendHealth::reason() const {
    std::string text(name(result));
    if (!detail.empty()) text += ": " + detail;
    return text;
}

}  // namespace meshd::model
