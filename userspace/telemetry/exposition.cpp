// SPDX-License-Identifier: Apache-2.0
#include "telemetry/exposition.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include <prometheus/text_serializer.h>

#include <boost/json.hpp>

namespace meshd::telemetry {

namespace json = boost::json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

tl::unexpected<base::Error> invalid(std::string_view where, std::string_view expected) {
    return base::fail({"read metrics at", std::string(where), 0, "expected " + std::string(expected), {}});
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// https://prometheus.io/docs/concepts/data_model/
bool is_metric_name(std::string_view text) {
    const auto in_name = [](char c) { return is_letter(c) || is_digit(c) || c == ':'; };
    return !text.empty() && !is_digit(text[0]) && std::all_of(text.begin(), text.end(), in_name);
}

bool is_label_name(std::string_view text) {
    const auto in_name = [](char c) { return is_letter(c) || is_digit(c); };
    return !text.empty() && !is_digit(text[0]) && !text.starts_with("__") && std::all_of(text.begin(), text.end(), in_name);
}

std::optional<std::string_view> text_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string_view(value->get_string());
}

const json::array* array_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value == nullptr ? nullptr : value->if_array();
}

std::optional<double> number_of(const json::value* value) {
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->to_number<double>();
}

std::optional<std::uint64_t> count_of(const json::value* value) {
    if (value == nullptr) return std::nullopt;
    if (value->is_uint64()) return value->get_uint64();
    if (value->is_int64() && value->get_int64() >= 0) return static_cast<std::uint64_t>(value->get_int64());
    return std::nullopt;
}

base::Result<std::vector<ClientMetric::Label>> labels_from_json(const json::object& sample, MetricType type,
                                                                const std::string& where) {
    const auto* const value = sample.if_contains("labels");
    if (value == nullptr || !value->is_object()) return invalid(where + ".labels", "an object");
    std::vector<ClientMetric::Label> labels;
    labels.reserve(value->get_object().size());
    for (const auto& [name, text] : value->get_object()) {
        if (!is_label_name(name))
            return invalid(where + ".labels", "label names, not '" + std::string(std::string_view(name)) + "'");
        if (type == MetricType::Histogram && name == "le") return invalid(where + ".labels", "no 'le', which the buckets have");
        if (!text.is_string()) return invalid(where + ".labels." + std::string(std::string_view(name)), "text");
        labels.push_back({std::string(std::string_view(name)), std::string(std::string_view(text.get_string()))});
    }
    std::sort(labels.begin(), labels.end());
    return labels;
}

base::Result<ClientMetric::Histogram> histogram_from_json(const json::object& sample, const std::string& where) {
    ClientMetric::Histogram histogram;
    const auto count = count_of(sample.if_contains("count"));
    if (!count) return invalid(where + ".count", "a whole number from 0 up");
    const auto sum = number_of(sample.if_contains("sum"));
    if (!sum) return invalid(where + ".sum", "a number");
    const auto* const buckets = array_at(sample, "buckets");
    if (buckets == nullptr) return invalid(where + ".buckets", "an array");
    histogram.sample_count = *count;
    histogram.sample_sum = *sum;
    for (const auto& item : *buckets) {
        const auto at = where + ".buckets[" + std::to_string(histogram.bucket.size()) + "]";
        const auto* const pair = item.if_array();
        const auto bound = pair != nullptr && pair->size() == 2 ? number_of(&(*pair)[0]) : std::nullopt;
        const auto cumulative = bound ? count_of(&(*pair)[1]) : std::nullopt;
        if (!cumulative) return invalid(at, "[upper bound, cumulative count]");
        if (!histogram.bucket.empty() && *bound <= histogram.bucket.back().upper_bound) return invalid(at, "rising bounds");
        if (!histogram.bucket.empty() && *cumulative < histogram.bucket.back().cumulative_count)
            return invalid(at, "counts that do not fall");
        if (*cumulative > *count) return invalid(at, "no more than the count of all");
        histogram.bucket.push_back({*cumulative, *bound});
    }
    return histogram;
}

base::Result<ClientMetric> sample_from_json(const json::value& value, MetricType type, const std::string& where) {
    if (!value.is_object()) return invalid(where, "an object");
    const auto& sample = value.get_object();
    ClientMetric metric;
    auto labels = labels_from_json(sample, type, where);
    if (!labels) return tl::make_unexpected(labels.error());
    metric.label = std::move(*labels);
    if (type == MetricType::Histogram) {
        auto histogram = histogram_from_json(sample, where);
        if (!histogram) return tl::make_unexpected(histogram.error());
        metric.histogram = std::move(*histogram);
        return metric;
    }
    const auto number = number_of(sample.if_contains("value"));
    if (!number) return invalid(where + ".value", "a number");
    if (type == MetricType::Counter && *number < 0) return invalid(where + ".value", "a counter that is not below 0");
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *number;
    return metric;
}

base::Result<MetricFamily> family_from_json(const json::value& value, const std::string& where) {
    if (!value.is_object()) return invalid(where, "an object");
    const auto& object = value.get_object();
    const auto name = text_at(object, "name");
    if (!name || !is_metric_name(*name)) return invalid(where + ".name", "a metric name");
    const std::string at(*name);
    const auto help = text_at(object, "help");
    if (!help) return invalid(at + ".help", "text");
    const auto kind = text_at(object, "kind").value_or("");
    MetricFamily family;
    family.name = *name;
    family.help = *help;
    if (kind == "gauge")
        family.type = MetricType::Gauge;
    else if (kind == "counter")
        family.type = MetricType::Counter;
    else if (kind == "histogram")
        family.type = MetricType::Histogram;
    else
        return invalid(at + ".kind", "gauge, counter or histogram");
    const auto* const samples = array_at(object, "samples");
    if (samples == nullptr) return invalid(at + ".samples", "an array");
    family.metric.reserve(samples->size());
    for (const auto& item : *samples) {
        auto sample = sample_from_json(item, family.type, at + ".samples[" + std::to_string(family.metric.size()) + "]");
        if (!sample) return tl::make_unexpected(sample.error());
        family.metric.push_back(std::move(*sample));
    }
    return family;
}

// Prometheus refuses a whole scrape that has one series twice.
base::Result<void> check_series(const MetricFamily& family) {
    std::vector<const std::vector<ClientMetric::Label>*> series;
    series.reserve(family.metric.size());
    for (const auto& metric : family.metric) series.push_back(&metric.label);
    std::sort(series.begin(), series.end(), [](const auto* a, const auto* b) { return *a < *b; });
    const auto same = std::adjacent_find(series.begin(), series.end(), [](const auto* a, const auto* b) { return *a == *b; });
    if (same == series.end()) return {};
    std::string labels;
    for (const auto& label : **same) labels += (labels.empty() ? "" : ",") + label.name + "=\"" + label.value + "\"";
    return invalid(family.name + ".samples", "each series once, {" + labels + "} is there twice");
}

base::Result<void> merge(MetricFamily& whole, MetricFamily part) {
    if (whole.type != part.type || whole.help != part.help) return invalid(part.name, "the same kind and help in all its parts");
    std::move(part.metric.begin(), part.metric.end(), std::back_inserter(whole.metric));
    return {};
}

// The serializer writes help as it is, and a line break in it would begin a line of metrics.
std::string escaped_help(std::string_view help) {
    std::string text;
    for (const auto c : help) {
        if (c == '\\')
            text += "\\\\";
        else if (c == '\n')
            text += "\\n";
        else
            text += c;
    }
    return text;
}

MetricFamily single(std::string name, std::string help, MetricType type, const ClientMetric& metric) {
    return {std::move(name), std::move(help), type, {metric}};
}

}  // namespace

base::Result<Exposition> from_json(const json::object& form) {
    const auto* const families = array_at(form, "families");
    if (families == nullptr) return invalid("families", "an array");
    Exposition exposition;
    std::map<std::string, MetricFamily> by_name;
    std::vector<std::string> order;
    std::set<std::string> refused;
    for (std::size_t i = 0; i < families->size(); ++i) {
        auto family = family_from_json((*families)[i], "families[" + std::to_string(i) + "]");
        if (!family) {
            exposition.refused.push_back(std::move(family.error()));
            if (const auto* const object = (*families)[i].if_object()) refused.emplace(text_at(*object, "name").value_or(""));
            continue;
        }
        const auto [place, is_new] = by_name.try_emplace(family->name);
        if (is_new) {
            order.push_back(family->name);
            place->second = std::move(*family);
        } else if (auto merged = merge(place->second, std::move(*family)); !merged) {
            exposition.refused.push_back(std::move(merged.error()));
            refused.insert(place->first);
        }
    }
    for (const auto& name : order) {
        if (refused.contains(name)) continue;
        auto& family = by_name.at(name);
        family.help = escaped_help(family.help);
        if (auto checked = check_series(family); checked)
            exposition.families.push_back(std::move(family));
        else
            exposition.refused.push_back(std::move(checked.error()));
    }
    return exposition;
}

MetricFamily gauge(std::string name, std::string help, double value) {
    ClientMetric metric;
    metric.gauge.value = value;
    return single(std::move(name), std::move(help), MetricType::Gauge, metric);
}

MetricFamily counter(std::string name, std::string help, double value) {
    ClientMetric metric;
    metric.counter.value = value;
    return single(std::move(name), std::move(help), MetricType::Counter, metric);
}

std::string to_text(const std::vector<MetricFamily>& families) {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return std::move(out).str();
}

}  // namespace meshd::telemetry
