// SPDX-License-Identifier: Apache-2.0
#include "config/eject_reader.hpp"

#include <array>
#include <chrono>

#include "config/duration.hpp"
#include "config/percent.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 5> eject_keys{"consecutive", "rate", "base", "longest", "most"};
constexpr Range consecutive_range{0, model::max_consecutive};
constexpr DurationRange ejection_range{std::chrono::milliseconds(model::min_ejection_ms),
                                       std::chrono::milliseconds(model::max_ejection_ms),
                                       "a time from 100ms to 24h (units: ms, s, m, h)"};

constexpr PercentRange rate_range{model::min_rate_percent, 100, "0% or a share of the connections from 10% to 100%", true};
constexpr PercentRange most_range{1, 100, "a share of the backends from 1% to 100%"};

void read_time(Document& document, const MappingReader& object, std::string_view key, std::uint32_t& result_ms) {
    std::chrono::milliseconds time(result_ms);
    read_duration(document, object, key, time, ejection_range);
    result_ms = static_cast<std::uint32_t>(time.count());
}

model::Ejection read_rule(Document& document, Value value) {
    MappingReader object(document, value, "\"eject\"", eject_keys);
    model::Ejection rule;
    object.number("consecutive", rule.consecutive, consecutive_range);
    read_percent(document, object, "rate", rule.rate_percent, rate_range);
    read_time(document, object, "base", rule.base_ms);
    if (rule.longest_ms < rule.base_ms && !object.has("longest")) rule.longest_ms = rule.base_ms;
    read_time(document, object, "longest", rule.longest_ms);
    read_percent(document, object, "most", rule.most_percent, most_range);
    if (document.ok() && rule.longest_ms < rule.base_ms)
        document.refuse(object.find("longest").mark(), "\"longest\" is shorter than \"base\"");
    if (document.ok() && rule.consecutive == 0 && rule.rate_percent == 0)
        document.refuse(object.mark(), "\"eject\" without \"consecutive\" and \"rate\" would never eject",
                        "give one of them, or remove \"eject\"");
    return rule;
}

}  // namespace

void read_ejection(Document& document, const MappingReader& health, std::optional<model::Ejection>& result) {
    const auto rule = health.find("eject");
    if (!rule.exists()) return;
    if (rule.kind() == Kind::nothing)
        refuse_value(document, rule, "\"eject\"", "a mapping", "write \"eject: {}\" for one of which all is as usual");
    else
        result = read_rule(document, rule);
}

}  // namespace meshd::config
