// SPDX-License-Identifier: Apache-2.0
#include "model/balancing_json.hpp"

#include <boost/json.hpp>

namespace meshd::model {

namespace json = boost::json;

namespace {

tl::unexpected<base::Error> invalid(const std::string& where, const std::string& expected) {
    return base::fail({"read service from JSON at", where, 0, "expected " + expected, {}});
}

std::string_view text(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
}

// False: there is something else than such a number. Absent: as it was.
template <typename Number>
bool number(const json::object& object, std::string_view key, std::uint32_t most, Number& result) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr) return true;
    std::int64_t wide = -1;
    if (value->is_int64())
        wide = value->get_int64();
    else if (value->is_uint64() && value->get_uint64() <= most)
        wide = static_cast<std::int64_t>(value->get_uint64());
    if (wide < 0 || wide > most) return false;
    result = static_cast<Number>(wide);
    return true;
}

base::Result<void> options_from_json(const json::object& object, const std::string& where, BalancingOptions& result) {
    const bool sound = number(object, "failure_penalty_ms", max_failure_penalty_ms, result.failure_penalty_ms) &&
                       number(object, "slow_start_ms", max_slow_start_ms, result.slow_start_ms) &&
                       number(object, "affinity_s", 24 * 60 * 60, result.affinity_s) &&
                       number(object, "spill_below_percent", 100, result.spill_below_percent) &&
                       number(object, "spill_open", max_spill_open, result.spill_open);
    if (!sound) return invalid(where, "numbers in their ranges");
    if (object.contains("hash")) {
        const auto hash = parse_hash_by(text(object, "hash"));
        if (!hash) return invalid(where + ".hash", "source, workload or connection");
        result.hash = *hash;
    }
    if (object.contains("prefer")) {
        const auto near = parse_near(text(object, "prefer"));
        if (!near) return invalid(where + ".prefer", "region, zone or node");
        result.prefer = *near;
    }
    return {};
}

base::Result<Subset> subset_from_json(const json::value& value, const std::string& where) {
    if (!value.is_object()) return invalid(where, "an object");
    const auto& object = value.get_object();
    Subset subset;
    subset.name = text(object, "name");
    if (subset.name.empty() || subset.name.size() > max_label_length) return invalid(where + ".name", "text of 1 to 127 bytes");
    if (!number(object, "weight", 1000, subset.weight)) return invalid(where + ".weight", "a number from 0 to 1000");
    if (auto read = labels_from_json(object, where, subset.labels); !read) return tl::make_unexpected(read.error());
    if (subset.labels.empty()) return invalid(where + ".labels", "at least one label");
    return subset;
}

}  // namespace

void labels_to_json(const Labels& labels, json::object& object) {
    if (labels.empty()) return;
    json::object all;
    for (const auto& [name, value] : labels) all.emplace(name, value);
    object.emplace("labels", std::move(all));
}

base::Result<void> labels_from_json(const json::object& object, const std::string& where, Labels& labels) {
    const auto* const value = object.if_contains("labels");
    if (value == nullptr) return {};
    if (!value->is_object() || value->get_object().size() > max_labels) return invalid(where + ".labels", "an object of texts");
    for (const auto& label : value->get_object()) {
        const bool sound = !label.key().empty() && label.key().size() <= max_label_length && label.value().is_string() &&
                           label.value().get_string().size() <= max_label_length;
        if (!sound) return invalid(where + ".labels", "names and values of at most 127 bytes");
        labels.emplace(label.key(), label.value().get_string());
    }
    return {};
}

void balancing_to_json(const Service& service, json::object& object) {
    const BalancingOptions usual;
    const auto& options = service.balancing_options;
    object.emplace("balancing", name(service.balancing));
    json::object said;
    const auto say = [&](std::string_view key, auto value, auto otherwise) {
        if (value != otherwise) said.emplace(key, value);
    };
    say("failure_penalty_ms", options.failure_penalty_ms, usual.failure_penalty_ms);
    if (options.hash != usual.hash) said.emplace("hash", name(options.hash));
    say("slow_start_ms", options.slow_start_ms, usual.slow_start_ms);
    say("affinity_s", options.affinity_s, usual.affinity_s);
    if (options.prefer != usual.prefer) said.emplace("prefer", name(options.prefer));
    say("spill_below_percent", options.spill_below_percent, usual.spill_below_percent);
    say("spill_open", options.spill_open, usual.spill_open);
    if (!said.empty()) object.emplace("balancing_options", std::move(said));
    if (service.subsets.empty()) return;
    json::array subsets;
    for (const auto& subset : service.subsets) {
        json::object one{{"name", subset.name}, {"weight", subset.weight}};
        labels_to_json(subset.labels, one);
        subsets.emplace_back(std::move(one));
    }
    object.emplace("subsets", std::move(subsets));
}

base::Result<void> balancing_from_json(const json::object& object, Service& service) {
    const auto balancing = parse_balancing(text(object, "balancing"));
    if (!balancing)
        return invalid(service.name + ".balancing", "random, round_robin, weighted, maglev, least_connections or latency");
    service.balancing = *balancing;
    if (const auto* const options = object.if_contains("balancing_options"); options != nullptr) {
        const auto where = service.name + ".balancing_options";
        if (!options->is_object()) return invalid(where, "an object");
        if (auto read = options_from_json(options->get_object(), where, service.balancing_options); !read) return read;
    }
    const auto* const subsets = object.if_contains("subsets");
    if (subsets == nullptr) return {};
    if (!subsets->is_array() || subsets->get_array().size() > max_subsets)
        return invalid(service.name + ".subsets", "an array of at most 32");
    for (const auto& item : subsets->get_array()) {
        auto subset = subset_from_json(item, service.name + ".subsets[" + std::to_string(service.subsets.size()) + "]");
        if (!subset) return tl::make_unexpected(subset.error());
        service.subsets.push_back(std::move(*subset));
    }
    return {};
}

}  // namespace meshd::model
