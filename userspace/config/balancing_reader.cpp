// SPDX-License-Identifier: Apache-2.0
#include "config/balancing_reader.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "config/duration.hpp"
#include "config/percent.hpp"

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

// Refuses a key that says nothing beside the chosen policy: who writes it means something that does not happen.
void belongs_to(Document& document, const MappingReader& object, std::string_view key, bool belongs, std::string_view policy) {
    if (belongs || !object.has(key)) return;
    document.refuse(object.find(key).mark(), fmt::format("\"{}\" means nothing without {}", key, policy),
                    fmt::format("write {}, or remove \"{}\"", policy, key));
}

void read_locality(Document& document, Value value, model::BalancingOptions& options) {
    MappingReader locality(document, value, "\"locality\"", locality_keys);
    if (!locality.require("prefer")) return;
    locality.choice("prefer", options.prefer, nears, model::parse_near);
    read_percent(document, locality, "spill_below", options.spill_below_percent, spill_range);
    locality.number("spill_open", options.spill_open, {1, model::max_spill_open});
}

void read_options(Document& document, Value value, model::Service& result) {
    auto& options = result.balancing_options;
    MappingReader object(document, value, "\"balancing\"", balancing_keys);
    object.choice("policy", result.balancing, balancings, model::parse_balancing);
    Milliseconds penalty(options.failure_penalty_ms);
    Milliseconds slow_start{};
    Milliseconds affinity{};
    read_duration(document, object, "failure_penalty", penalty, penalty_range);
    object.choice("hash", options.hash, hashes, model::parse_hash_by);
    read_duration(document, object, "slow_start", slow_start, slow_start_range);
    read_duration(document, object, "affinity", affinity, affinity_range);
    options.failure_penalty_ms = static_cast<std::uint32_t>(penalty.count());
    options.slow_start_ms = static_cast<std::uint32_t>(slow_start.count());
    options.affinity_s = static_cast<std::uint32_t>((affinity + 999ms) / 1s);
    if (const auto locality = object.find("locality"); locality.exists()) read_locality(document, locality, options);
    if (!document.ok()) return;
    const bool is_maglev = result.balancing == model::Balancing::maglev;
    belongs_to(document, object, "failure_penalty", result.balancing == model::Balancing::latency, "\"policy: latency\"");
    belongs_to(document, object, "hash", is_maglev || options.affinity_s != 0, "\"policy: maglev\" or \"affinity\"");
    if (options.affinity_s != 0 && options.hash == model::HashBy::connection)
        document.refuse(object.find("hash").mark(), "\"affinity\" cannot be kept by \"hash: connection\"",
                        "write \"source\" or \"workload\"");
    if (options.prefer == model::Near::anywhere || options.spill_open == 0 || !is_maglev) return;
    document.refuse(object.find("locality").mark(),
                    "\"spill_open\" means nothing with \"policy: maglev\", whose choices do not "
                    "depend on load",
                    "remove it");
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

void read_balancing(Document& document, const MappingReader& service, model::Service& result) {
    const auto value = service.find("balancing");
    if (!value.exists()) return;
    if (value.kind() == Kind::mapping)
        read_options(document, value, result);
    else
        service.choice("balancing", result.balancing, balancings, model::parse_balancing);
}

void read_subsets(Document& document, const MappingReader& service, model::Service& result) {
    const auto list = service.find("subsets");
    if (!list.exists() || !expect_list(document, list, "\"subsets\"", "subsets")) return;
    if (list.size() == 0 || list.size() > model::max_subsets)
        document.refuse(list.mark(),
                        fmt::format("\"subsets\" must have 1 to {} subsets, found {}", model::max_subsets, list.size()),
                        list.size() == 0 ? "remove the key" : "");
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
        result.subsets.push_back(std::move(subset));
    }
}

}  // namespace meshd::config
