// SPDX-License-Identifier: Apache-2.0
#include "config/balancing_reader.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "config/duration.hpp"
#include "config/percent.hpp"
#include "model/misfit.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

constexpr std::array<std::string_view, 6> balancings{"random", "round_robin",       "weighted",
                                                     "maglev", "least_connections", "latency"};
constexpr std::array<std::string_view, 6> balancing_keys{"policy",     "failure_penalty", "hash",
                                                         "slow_start", "affinity",        "locality"};
constexpr std::array<std::string_view, 3> locality_keys{"prefer", "spill_below", "spill_open"};
constexpr std::array<std::string_view, 3> subset_keys{"name", "labels", "weight"};
constexpr std::array<std::string_view, 3> hashes{"source", "workload", "connection"};
constexpr std::array<std::string_view, 3> nears{"node", "zone", "region"};

constexpr DurationRange penalty_range{0ms, Milliseconds(model::max_failure_penalty_ms),
                                      "a time from 0ms to 1h (units: ms, s, m, h)"};
constexpr DurationRange slow_start_range{1s, Milliseconds(model::max_slow_start_ms), "a time from 1s to 1h (units: ms, s, m, h)"};
constexpr DurationRange affinity_range{1s, 24h, "a time from 1s to 24h (units: ms, s, m, h)"};
constexpr PercentRange spill_range{0, 100, "a share of the near backends from 0% to 100%"};

void read_locality(Document& document, Value value, model::Nearness& result) {
    MappingReader locality(document, value, "\"locality\"", locality_keys);
    if (!locality.require("prefer")) return;
    locality.choice("prefer", result.prefer, nears, model::parse_near);
    read_percent(document, locality, "spill_below", result.spill_below_percent, spill_range);
    locality.number("spill_open", result.spill_open, {1, model::max_spill_open});
}

// What it is in seconds or milliseconds, when it is given.
template <typename Unit>
void read_time(Document& document, const MappingReader& object, std::string_view key, const DurationRange& range,
               std::optional<std::uint32_t>& result) {
    if (!object.has(key)) return;
    Milliseconds time{};
    read_duration(document, object, key, time, range);
    result = static_cast<std::uint32_t>(std::chrono::ceil<Unit>(time).count());
}

model::BalancingSettings known_of(const model::BalancingSettings& given) {
    model::Service service;
    model::apply({.service = {}, .balancing = given, .source = {}, .place = {}}, service);
    return model::balancing_of(service);
}

void read_options(Document& document, Value value, bool is_whole, model::BalancingSettings& result) {
    MappingReader object(document, value, "\"balancing\"", balancing_keys);
    object.given("policy", result.policy,
                 [&](auto key, auto& policy) { return object.choice(key, policy, balancings, model::parse_balancing); });
    read_time<Milliseconds>(document, object, "failure_penalty", penalty_range, result.failure_penalty_ms);
    object.given("hash", result.hash,
                 [&](auto key, auto& hash) { return object.choice(key, hash, hashes, model::parse_hash_by); });
    read_time<Milliseconds>(document, object, "slow_start", slow_start_range, result.slow_start_ms);
    read_time<std::chrono::seconds>(document, object, "affinity", affinity_range, result.affinity_s);
    if (const auto locality = object.find("locality"); locality.exists())
        read_locality(document, locality, result.locality.emplace());
    if (!document.ok()) return;
    if (auto misfit = model::find_misfit(result, is_whole ? known_of(result) : result))
        document.refuse(object.find(misfit->key).mark(), std::move(misfit->detail), std::move(misfit->remedy));
}

}  // namespace

void read_labels(Document& document, const MappingReader& object, model::Labels& result) {
    const auto value = object.find("labels");
    if (!value.exists()) return;
    if (value.kind() != Kind::mapping || value.size() == 0 || value.size() > model::max_labels) {
        refuse_value(document, value, "\"labels\"",
                     fmt::format("a mapping from at most {} names to texts, such as {{version: v2}}", model::max_labels));
        return;
    }
    const auto expected = fmt::format("text of at most {} bytes", model::max_label_length);
    for (auto item = value.begin(); item != value.end(); ++item) {
        const auto key = *item;
        ++item;
        if (key.text().empty() || key.text().size() > model::max_label_length) {
            refuse_value(document, key, "a label's name", expected);
            return;
        }
        const auto text = read_text(document, *item, quote(key.text()), expected);
        if (!text) return;
        if (text->size() > model::max_label_length) {
            refuse_value(document, *item, quote(key.text()), expected);
            return;
        }
        result.emplace(key.text(), *text);
    }
}

void read_balancing(Document& document, const MappingReader& service, bool is_whole, model::BalancingSettings& result) {
    const auto value = service.find("balancing");
    if (!value.exists()) return;
    if (value.kind() == Kind::mapping)
        read_options(document, value, is_whole, result);
    else
        service.given("balancing", result.policy,
                      [&](auto key, auto& policy) { return service.choice(key, policy, balancings, model::parse_balancing); });
}

void read_subsets(Document& document, const MappingReader& service, std::optional<std::vector<model::Subset>>& result) {
    const auto list = service.find("subsets");
    if (!list.exists() || !expect_list(document, list, "\"subsets\"", "subsets")) return;
    if (list.size() == 0 || list.size() > model::max_subsets)
        document.refuse(list.mark(),
                        fmt::format("\"subsets\" must have 1 to {} subsets, found {}", model::max_subsets, list.size()),
                        list.size() == 0 ? "remove the key" : "");
    auto& subsets = result.emplace();
    std::map<std::string, Mark, std::less<>> names;
    for (const auto item : list) {
        if (!document.ok()) return;
        MappingReader object(document, item, "a subset", subset_keys);
        model::Subset subset;
        if (!object.require("name") || !object.text("name", subset.name)) return;
        if (subset.name.empty() || subset.name.size() > model::max_label_length)
            refuse_value(document, object.find("name"), "\"name\"",
                         fmt::format("text of 1 to {} bytes", model::max_label_length));
        if (!object.require("labels", "a subset is made of the backends that have all of its labels")) return;
        read_labels(document, object, subset.labels);
        object.number("weight", subset.weight, {0, model::max_weight});
        if (!document.ok()) return;
        const auto [known, is_new] = names.try_emplace(subset.name, object.find("name").mark());
        if (!is_new)
            document.refuse(object.find("name").mark(),
                            fmt::format("subset {} is given twice, first in line {}", quote(subset.name), known->second.line));
        subsets.push_back(std::move(subset));
    }
}

}  // namespace meshd::config
