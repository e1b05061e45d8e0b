// SPDX-License-Identifier: Apache-2.0
#include "feature.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>

namespace meshd::shapes {

namespace {

struct Row {
    Feature feature;
    std::string_view name;
    Group group;
    unsigned weight;
};

constexpr std::array rows = {
#define SHAPES_ROW(enumerator, name, group, weight) Row{Feature::enumerator, name, Group::group, weight},
    SHAPES_FEATURES(SHAPES_ROW)
#undef SHAPES_ROW
};
static_assert(rows.size() <= 64, "Features is one word");

const Row& row_of(Feature feature) { return rows[static_cast<std::size_t>(feature)]; }

bool is_option(Group group) { return group >= Group::rcvlowat_option; }

std::vector<Feature> parse(std::string_view names) {
    std::vector<Feature> found;
    std::istringstream words{std::string(names)};
    for (std::string word; std::getline(words, word, ',');) {
        const auto* row = std::ranges::find(rows, word, &Row::name);
        if (row == rows.end()) {
            std::string known;
            for (const auto& one : rows) known += ' ' + std::string(one.name);
            throw std::invalid_argument("no shape is named \"" + word + "\"; known are" + known);
        }
        found.push_back(row->feature);
    }
    return found;
}

}  // namespace

Features Features::all() {
    Features every;
    for (const auto& row : rows) every.add(row.feature);
    return every;
}

std::vector<Feature> Features::list() const {
    std::vector<Feature> found;
    for (const auto& row : rows)
        if (has(row.feature)) found.push_back(row.feature);
    return found;
}

void Menu::without(std::string_view names) {
    for (const auto feature : parse(names)) allowed_.remove(feature);
    check();
}

void Menu::only(std::string_view names) {
    const auto wanted = parse(names);
    for (const auto& row : rows) {
        const auto same_group = [&row](Feature one) { return row_of(one).group == row.group; };
        if (std::ranges::any_of(wanted, same_group) && std::ranges::find(wanted, row.feature) == wanted.end())
            allowed_.remove(row.feature);
    }
    for (const auto feature : wanted)
        if (is_option(row_of(feature).group)) always_.add(feature);
    check();
}

void Menu::check() const {
    for (const auto& row : rows)
        if (!is_option(row.group) &&
            std::ranges::none_of(rows, [&](const Row& one) { return one.group == row.group && allowed_.has(one.feature); }))
            throw std::invalid_argument("nothing is left of the shapes that \"" + std::string(row.name) + "\" is one of");
}

Feature Menu::pick(Group group, Draw& draw) const {
    std::uint64_t sum = 0;
    for (const auto& row : rows)
        if (row.group == group && allowed_.has(row.feature)) sum += row.weight;
    auto left = draw.below(sum);
    for (const auto& row : rows) {
        if (row.group != group || !allowed_.has(row.feature)) continue;
        if (left < row.weight) return row.feature;
        left -= row.weight;
    }
    throw std::logic_error("a group without shapes");  // check() has seen to it
}

bool Menu::option(Feature feature, Draw& draw) const {
    const bool drawn = draw.percent(row_of(feature).weight);
    return always_.has(feature) || (drawn && allowed_.has(feature));
}

std::string_view name(Feature feature) { return row_of(feature).name; }

}  // namespace meshd::shapes
