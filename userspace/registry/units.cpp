// SPDX-License-Identifier: Apache-2.0
#include "registry/units.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "config/field_path.hpp"

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
    const auto before = said_by(names);
    decide(names);
    tell(before, said_by(names));
}

void Units::remove(const std::string& unit) {
    const auto found = units_.find(unit);
    if (found == units_.end()) return;
    auto names = rivals({unit});
    const auto before = said_by(names);
    forget(found);
    names.erase(unit);
    decide(names);
    tell(before, said_by(names));
}

void Units::replace(const std::map<std::string, std::string>& texts) {
    Names all;
    for (const auto& [name, unit] : units_) all.insert(name);
    const auto before = said_by(all);
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
    const auto now = said_by(names);
    tell_settings(before, now);
    std::vector<model::Service> services;
    for (const auto& [name, service] : now.services) services.push_back(*service.service);
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

std::vector<model::Service> Units::services() const {
    std::vector<model::Service> all;
    for (const auto& [name, unit] : units_)
        if (unit.used) all.insert(all.end(), unit.used->services.begin(), unit.used->services.end());
    return all;
}

std::string Units::error(const std::string& unit) const {
    const auto found = units_.find(unit);
    return found == units_.end() ? std::string{} : found->second.error;
}

// Whether it differs from what was said of this unit before.
bool Units::read(const std::string& name, std::string_view text) {
    const auto [entry, is_new] = units_.try_emplace(name);
    auto& unit = entry->second;
    if (!is_new && unit.text == text) return false;
    unit.text = text;
    unit.newest.reset();
    auto file = config::parse_registry_file(text, label(name));
    if (file) {
        for (auto& settings : file->settings) {
            settings.source = label(name);
            settings.place = named(name, std::move(settings.place));
        }
        unit.newest = std::make_shared<const config::RegistryFile>(std::move(*file));
    } else {
        unit.unreadable = std::move(file.error());
    }
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
        for (const auto& settings : content->settings) unit.claims.insert("settings " + settings.service);
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
            if (!root_.empty() && unit.used == unit.newest) unit.last_text = unit.text;
            renew_claims(name, unit);
        }
        // Rules that were in force are not lost because somebody took the name of a service beside them.
        const auto& rules_of = unit.used ? unit.used : unit.last;
        intake_.put_rules(name, rules_of ? rules_of->rules : std::vector<model::Rule>{});
        tell_error(name, unit, why);
    }
}

// All of it or, when something is another's already, nothing.
std::optional<config::Conflict> Units::take(Unit& unit, const Content& content) {
    if (auto conflict = index_.add(content->name, content->settings)) return conflict;
    for (std::size_t i = 0; i < content->services.size(); ++i) {
        auto conflict = index_.add(content->name, content->services[i], content->marks[i]);
        if (!conflict) continue;
        index_.remove(content->settings);
        while (i > 0) index_.remove(content->services[--i]);
        return conflict;
    }
    unit.used = content;
    return std::nullopt;
}

void Units::release(Unit& unit) {
    if (!unit.used) return;
    index_.remove(unit.used->settings);
    for (const auto& service : unit.used->services) index_.remove(service);
    unit.used.reset();
}

// ---- What the intake is told ----

Units::Said Units::said_by(const Names& names) const {
    Said all;
    for (const auto& name : names) {
        const auto& used = units_.at(name).used;
        if (!used) continue;
        for (const auto& service : used->services) all.services.emplace(service.name, ServiceOf{used, &service});
        for (const auto& settings : used->settings)
            all.settings.emplace(settings.service, model::ServiceSettingsPtr(used, &settings));
    }
    return all;
}

// What goes comes first: an address may move to another service.
void Units::tell(const Said& before, const Said& after) {
    tell_settings(before, after);
    for (const auto& [name, service] : before.services)
        if (!after.services.contains(name)) intake_.remove(name);
    for (const auto& [name, service] : after.services) intake_.put(*service.service);
}

void Units::tell_settings(const Said& before, const Said& after) {
    for (const auto& [service, settings] : before.settings)
        if (!after.settings.contains(service)) intake_.put_settings(service, nullptr);
    for (const auto& [service, settings] : after.settings) intake_.put_settings(service, settings);
}

void Units::tell_error(const std::string& name, Unit& unit, const base::Error* why) {
    auto told = why == nullptr ? base::Error{} : *why;
    told.object = named(name, std::move(told.object));
    told.detail = named(name, std::move(told.detail));
    auto error = why == nullptr ? std::string{} : told.message();
    if (error == unit.error) return;
    unit.error = std::move(error);
    if (why != nullptr)
        intake_.refuse(name, told);
    else
        intake_.accept(name);
}

// Places in its own newest text, and in what is in force of others.
std::string Units::named(const std::string& own, std::string message) const {
    if (root_.empty()) return message;
    return config::name_fields(std::move(message), intake_.source() + '/', root_, [&](const std::string& name) {
        const auto found = units_.find(name);
        if (found == units_.end()) return static_cast<const std::string*>(nullptr);
        return name == own ? &found->second.text : &found->second.last_text;
    });
}

}  // namespace meshd::registry
