// SPDX-License-Identifier: Apache-2.0
#include "store/plan.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>

#include <fmt/format.h>

#include "config/service_index.hpp"

namespace meshd::store {

namespace {

const Item* find(const std::vector<Item>& items, const Object& object) {
    const auto found = std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.object == object; });
    return found == items.end() ? nullptr : &*found;
}

std::string place_of(const Declared& one) { return config::place(one.file->name, one.mark); }

void refuse_twice(const std::vector<Declared>& declared, std::vector<base::Error>& errors) {
    std::map<Object, const Declared*> first;
    for (const auto& one : declared) {
        const auto [known, is_new] = first.emplace(one.object, &one);
        if (!is_new)
            errors.push_back({"accept", place_of(one), 0,
                              fmt::format("{} is declared twice, first at {}", one.object.text(), place_of(*known->second)),
                              "give each object a name of its own"});
    }
}

base::Error with_remedy(config::Conflict conflict, const std::vector<Item>& items) {
    const auto other =
        std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.where == conflict.other_file; });
    if (other != items.end())
        conflict.error.remedy += fmt::format(", or first remove the other: `meshctl delete {}`", other->object.text());
    return std::move(conflict.error);
}

}  // namespace

std::string_view name(Effect effect) {
    static constexpr std::array<std::string_view, 5> names{"created", "configured", "unchanged", "deleted", "missing"};
    return names.at(static_cast<std::size_t>(effect));
}

Plan plan_apply(const std::vector<Declared>& declared, const std::vector<Item>& items) {
    Plan plan;
    for (const auto& one : declared) {
        const auto* const item = find(items, one.object);
        if (item == nullptr)
            plan.push_back({Effect::created, one.object, {}, one.text, {}});
        else
            plan.push_back({item->text == one.text ? Effect::unchanged : Effect::configured, one.object, item->text, one.text,
                            item->version});
    }
    return plan;
}

Plan plan_delete(const std::vector<Object>& objects, const std::vector<Item>& items) {
    Plan plan;
    for (const auto& object : objects) {
        if (std::any_of(plan.begin(), plan.end(), [&](const Step& step) { return step.object == object; })) continue;
        const auto* const item = find(items, object);
        if (item == nullptr)
            plan.push_back({Effect::missing, object, {}, {}, {}});
        else
            plan.push_back({Effect::deleted, object, item->text, {}, item->version});
    }
    return plan;
}

std::vector<Change> changes_of(const Plan& plan) {
    std::vector<Change> changes;
    for (const auto& step : plan) {
        if (step.effect == Effect::created || step.effect == Effect::configured)
            changes.push_back({step.object, step.after, step.version});
        if (step.effect == Effect::deleted) changes.push_back({step.object, std::nullopt, step.version});
    }
    return changes;
}

std::vector<base::Error> conflicts(const std::vector<Declared>& declared, const std::vector<Item>& items) {
    std::vector<base::Error> errors;
    refuse_twice(declared, errors);
    if (!errors.empty()) return errors;

    config::ServiceIndex index;
    std::deque<config::RegistryFile> others;  // the index borrows from them
    for (const auto& item : items) {
        const auto is_it = [&](const Declared& one) { return one.object == item.object; };
        if (std::any_of(declared.begin(), declared.end(), is_it)) continue;
        auto read = config::parse_registry_file(item.text, item.where);
        if (!read) continue;  // no node has it
        const auto& file = others.emplace_back(std::move(*read));
        for (std::size_t i = 0; i < file.services.size(); ++i) (void)index.add(file.name, file.services[i], file.marks[i]);
        (void)index.add(file.name, file.settings);
    }
    std::deque<std::vector<model::ServiceSettings>> settings;
    for (const auto& one : declared) {
        const auto& file = *one.file;
        std::optional<config::Conflict> conflict;
        if (one.object.kind == Kind::service)
            conflict = index.add(file.name, file.services[one.index], file.marks[one.index]);
        else if (one.object.kind == Kind::settings)
            conflict = index.add(file.name, settings.emplace_back(1, file.settings[one.index]));
        if (conflict) errors.push_back(with_remedy(std::move(*conflict), items));
    }
    return errors;
}

}  // namespace meshd::store
