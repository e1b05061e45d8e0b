// SPDX-License-Identifier: Apache-2.0
#include "health/answer.hpp"

#include <algorithm>

namespace meshd::health {

using model::ProbeResult;

std::optional<Finding> Answer::take_status(unsigned status) const {
    const bool counts = std::any_of(probe_.status.begin(), probe_.status.end(),
                                    [&](const auto& range) { return status >= range.first && status <= range.last; });
    if (!counts) return Finding{ProbeResult::bad_status, "answered " + std::to_string(status)};
    if (probe_.body.empty()) return Finding{};
    return std::nullopt;
}

std::optional<Finding> Answer::take_body(std::string_view bytes) {
    const auto before = body_.size();
    body_ += bytes.substr(0, model::max_probe_body - before);
    // What was searched already cannot match without new bytes at its end.
    const auto from = before - std::min(before, probe_.body.size() - 1);
    if (body_.find(probe_.body, from) != std::string::npos) return Finding{};
    if (body_.size() == model::max_probe_body) return end();
    return std::nullopt;
}

Finding Answer::end() const {
    return {ProbeResult::bad_body, "no \"" + probe_.body + "\" in " + std::to_string(body_.size()) + " bytes"};
}

}  // namespace meshd::health
