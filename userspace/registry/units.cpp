// SPDX-License-Identifier: Apache-2.0
#include "registry/units.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace meshd::registry {

std::string Units::label(const std::string& unit) const { return intake_.source() + '/' + unit; }

// ---- What is said ----

void Units::put(const std::string& unit, std::string_view text) {
    if (!read(unit, text)) {
        // Said again: what the intake may hold back is confirmed.
        if (const auto& used = units_.at(unit).used)
            for (const auto& service : used->services) intake_.put(service);
        return;
    }
    const auto names = rivals({unit});
    const auto before = services_of(names);
    decide(names);
    tell(before, services_of(names));
}

void Units::remove(const std::string& unit) {
    const auto found = units_.find(unit);
    if (found == units_.end()) return;
    auto names = rivals({unit});
    const auto before = services_of(names);
    forget(found);
    names.erase(unit);
    decide(names);
    tell(before, services_of(names));
}

void Units::replace(const std::map<std::string, std::string>& texts) {
    for (auto entry = units_.begin(); entry != units_.end();) {
        const auto next = std::next(entry);
        if (!texts.contains(entry->first)) forget(entry);
        entry = next;
    }
    Names names;
    for (const auto& [unit, text] : texts) {
        read(unit, text);
        names.insert(unit);
    }
    decide(names);
    std::vector<model::Service> services;
    for (const auto& [name, unit] : units_)
        if (unit.used) services.insert(services.end(), unit.used->services.begin(), unit.used->services.end());
    intake_.replace(std::move(services));
}

bool Units::has_service(const std::string& name) const {
    const auto found = claimants_.find(name);
    return found != claimants_.end() && std::any_of(found->second.begin(), found->second.end(), [&](const std::string& unit) {
               const auto& used = units_.at(unit).used;
               return used && std::any_of(used->services.begin(), used->services.end(),
                                          [&](const model::Service& service) { return service.name == name; });
           });
}

// Whether it differs from what was said of this unit before.
bool Units::read(const std::string& name, std::string_view text) {
    const auto [entry, is_new] = units_.try_emplace(name);
    auto& unit = entry->second;
    if (!is_new && unit.text == text) return false;
    unit.text = text;
    unit.newest.reset();
    auto file = config::parse_registry_file(text, label(name));
    if (file)
        unit.newest = std::make_shared<const config::RegistryFile>(std::move(*file));
    else
        unit.unreadable = std::move(file.error());
    renew_claims(name, unit);
    return true;
}

void Units::forget(std::map<std::string, Unit>::iterator entry) {
    auto& [name, unit] = *entry;
    release(unit);
    drop_claims(name, unit);
    intake_.put_rules(name, {});
    if (!unit.error.empty()) intake_.accept(name);
    units_.erase(entry);
}

// ---- Who may not stand beside whom ----

void Units::drop_claims(const std::string& name, const Unit& unit) {
    for (const auto& claim : unit.claims) {
        const auto found = claimants_.find(claim);
        found->second.erase(name);
        if (found->second.empty()) claimants_.erase(found);
    }
}

// Those of a content that a unit has had and may come back to are kept, so that a change of its rival finds it.
void Units::renew_claims(const std::string& name, Unit& unit) {
    drop_claims(name, unit);
    unit.claims.clear();
    for (const auto& content : {unit.newest, unit.last}) {
        if (!content) continue;
        for (const auto& service : content->services) {
            unit.claims.insert(service.name);
            for (const auto& [address, protocol] : model::frontends(service))
                unit.claims.insert(fmt::format("{}/{}", address.text(), base::name(protocol)));
        }
    }
    for (const auto& claim : unit.claims) claimants_[claim].insert(name);
}

// All units that the decision about these can change, themselves among them.
Units::Names Units::rivals(Names names) const {
    std::vector<std::string> open(names.begin(), names.end());
    while (!open.empty()) {
        const auto name = std::move(open.back());
        open.pop_back();
        for (const auto& claim : units_.at(name).claims)
            for (const auto& other : claimants_.at(claim))
                if (names.insert(other).second) open.push_back(other);
    }
    return names;
}

// ---- Who has it ----

void Units::decide(const Names& names) {
    for (const auto& name : names) release(units_.at(name));
    for (const auto& name : names) {
        auto& unit = units_.at(name);
        const auto before = unit.last;
        const base::Error* why = unit.newest ? nullptr : &unit.unreadable;
        const auto conflict = unit.newest ? take(unit, unit.newest) : std::nullopt;
        if (conflict) why = &conflict->error;
        if (why != nullptr && unit.last && unit.last != unit.newest) take(unit, unit.last);
        if (unit.used && unit.used != before) {
            unit.last = unit.used;
            renew_claims(name, unit);
        }
        // Rules that were in force are not lost because somebody took the name of a service beside them.
        const auto& rules_of = unit.used ? unit.used : unit.last;
        intake_.put_rules(name, rules_of ? rules_of->rules : std::vector<model::Rule>{});
        tell_error(name, unit, why);
    }
}

// All services of it or, when one is another's already, none.
std::optional<config::Conflict> Units::take(Unit& unit, const Content& content) {
    for (std::size_t i = 0; i < content->services.size(); ++i) {
        auto conflict = index_.add(content->name, content->services[i], content->marks[i]);
        if (!conflict) continue;
        while (i > 0) index_.remove(content->services[--i]);
        return conflict;
    }
    unit.used = content;
    return std::nullopt;
}

void Units::release(Unit& unit) {
    if (!unit.used) return;
    for (const auto& service : unit.used->services) index_.remove(service);
    unit.used.reset();
}

// ---- What the intake is told ----

Units::Services Units::services_of(const Names& names) const {
    Services all;
    for (const auto& name : names) {
        const auto& used = units_.at(name).used;
        if (!used) continue;
        for (const auto& service : used->services) all.emplace(service.name, ServiceOf{used, &service});
    }
    return all;
}

// What goes comes first: an address may move to another service.
void Units::tell(const Services& before, const Services& after) {
    for (const auto& [name, service] : before)
        if (!after.contains(name)) intake_.remove(name);
    for (const auto& [name, service] : after) intake_.put(*service.service);
}

void Units::tell_error(const std::string& name, Unit& unit, const base::Error* why) {
    auto error = why == nullptr ? std::string{} : why->message();
    if (error == unit.error) return;
    unit.error = std::move(error);
    if (why != nullptr)
        intake_.refuse(name, *why);
    else
        intake_.accept(name);
}

}  // namespace meshd::registry
