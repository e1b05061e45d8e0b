// SPDX-License-Identifier: Apache-2.0
#include "policy/evaluate.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace meshd::policy {

namespace {

// The larger the more specific, and of the same kind.
std::pair<int, std::size_t> source_rank(const model::Rule& rule) {
    if (!rule.workload.empty()) return {2, depth(rule.workload)};
    if (rule.from) return {1, rule.from->length};
    return {0, 0};
}

std::pair<int, std::size_t> destination_rank(const model::Rule& rule) {
    if (!rule.service.empty()) return {2, 0};
    if (rule.to) return {1, rule.to->length};
    return {0, 0};
}

auto specificity(const model::Rule& rule) {
    return std::make_tuple(source_rank(rule), destination_rank(rule), rule.port != 0, rule.protocol.has_value(),
                           rule.action == model::Action::deny);
}

std::string destination_text(const model::Rule& rule) {
    if (!rule.service.empty()) return "service " + rule.service;
    return rule.to ? rule.to->text() : "any";
}

}  // namespace

bool is_more_specific(const model::Rule& a, const model::Rule& b) {
    const auto left = specificity(a);
    const auto right = specificity(b);
    if (left != right) return left > right;
    return std::tie(a.source, a.name) < std::tie(b.source, b.name);
}

std::string why_before(const model::Rule& winner, const model::Rule& other) {
    if (source_rank(winner) != source_rank(other))
        return "its source is more specific: " + model::from_text(winner) + " before " + model::from_text(other);
    if (destination_rank(winner) != destination_rank(other))
        return "its destination is more specific: " + destination_text(winner) + " before " + destination_text(other);
    if ((winner.port != 0) != (other.port != 0)) return "it names a port";
    if (winner.protocol.has_value() != other.protocol.has_value()) return "it names a protocol";
    if (winner.action != other.action) return "as specific, and deny comes before allow";
    return "as specific, and its file and name come first";
}

std::vector<model::Rule> in_order(std::vector<model::Rule> rules) {
    std::sort(rules.begin(), rules.end(), is_more_specific);
    return rules;
}

bool matches_addresses(const model::Rule& rule, const std::vector<base::Prefix>& addresses) {
    const auto inside = [&](const base::Prefix& address) { return rule.from->contains(address); };
    const auto touched = [&](const base::Prefix& address) { return rule.from->overlaps(address); };
    if (rule.action == model::Action::deny) return std::any_of(addresses.begin(), addresses.end(), touched);
    return !addresses.empty() && std::all_of(addresses.begin(), addresses.end(), inside);
}

bool matches_source(const model::Rule& rule, const Question& question) {
    if (!rule.workload.empty()) return is_within(question.workload, rule.workload);
    return !rule.from || matches_addresses(rule, question.addresses);
}

bool matches_destination(const model::Rule& rule, const Question& question) {
    if (!rule.service.empty() && rule.service != question.service) return false;
    if (rule.to && !rule.to->contains(question.destination)) return false;
    if (rule.port != 0 && rule.port != question.port) return false;
    return !rule.protocol || *rule.protocol == question.protocol;
}

std::vector<const model::Rule*> matching(const std::vector<model::Rule>& ordered, const Question& question) {
    std::vector<const model::Rule*> result;
    for (const auto& rule : ordered)
        if (matches_source(rule, question) && matches_destination(rule, question)) result.push_back(&rule);
    return result;
}

}  // namespace meshd::policy
