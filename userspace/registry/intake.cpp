// SPDX-License-Identifier: Apache-2.0
#include "registry/intake.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "registry/guard.hpp"

namespace meshd::registry {

using std::chrono::system_clock;

namespace {

constexpr std::size_t most_logged = 10;  // of removals that are held at once: a registry may lose everything

std::string label(const std::string& service) { return "service " + service; }
std::string label(const model::BackendsFrom& query) { return "backends of " + query.text(); }

}  // namespace

Intake::Intake(std::string source, model::Hold hold, Handlers handlers, std::function<Clock::time_point()> now)
    : source_(std::move(source)), hold_(hold), handlers_(std::move(handlers)), now_(std::move(now)) {}

// ---- What the registry says ----

void Intake::put(model::Service service) {
    ++figures_.events;
    service.source = source_ + '/' + service.name;
    auto name = service.name;
    told(take(name, std::make_shared<const model::Service>(std::move(service))));
}

void Intake::remove(const std::string& name) {
    ++figures_.events;
    told(take(name, nullptr));
}

void Intake::replace(std::vector<model::Service> services) {
    ++figures_.events;
    ++figures_.syncs;
    std::set<std::string> named;
    std::vector<std::string> missed;
    bool changed = false;
    const auto compare = [&](const std::string& name, model::ServicePtr service) {
        // What is held was told before.
        const bool was_told = waiting_services_.contains(name);
        const bool is_taken = take(name, std::move(service));
        if (!was_told && (is_taken || waiting_services_.contains(name))) missed.push_back(name);
        changed = changed || is_taken;
    };
    for (auto& service : services) {
        service.source = source_ + '/' + service.name;
        auto name = service.name;
        compare(name, std::make_shared<const model::Service>(std::move(service)));
        named.insert(std::move(name));
    }
    std::vector<std::string> gone;
    for (const auto& [name, service] : services_)
        if (!named.contains(name)) gone.push_back(name);
    for (const auto& name : gone) compare(name, nullptr);
    if (complete_) note_missed(missed);
    told(changed);
}

void Intake::note_missed(const std::vector<std::string>& names) {
    if (names.empty()) return;
    missed_.total += names.size();
    missed_.at = system_clock::now();
    missed_.services.assign(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), most_missed)));
    spdlog::info("{}: a full answer differs from what was known in {} services, such as {}", source_, names.size(),
                 names.front());
    handlers_.status();
}

void Intake::put_set(const model::BackendsFrom& query, std::vector<model::Backend> backends) {
    ++figures_.events;
    told(take(query, std::move(backends)));
}

void Intake::put_pods(std::vector<model::Pod> pods) {
    if (pods_ == pods) return;
    pods_ = std::move(pods);
    pending_.pods = true;
    told(true);
}

void Intake::put_rules(const std::string& unit, std::vector<model::Rule> rules) {
    for (auto& rule : rules) rule.source = source_ + '/' + unit;
    const auto found = rules_.find(unit);
    if (found == rules_.end() ? rules.empty() : found->second == rules) return;
    if (rules.empty())
        rules_.erase(found);
    else
        rules_[unit] = std::move(rules);
    pending_.rules = true;
    told(true);
}

void Intake::put_settings(const std::string& service, model::ServiceSettingsPtr settings) {
    remembered_settings_.erase(service);
    const auto found = settings_.find(service);
    if (found == settings_.end() ? !settings : settings && *found->second == *settings) return;
    if (settings)
        settings_.insert_or_assign(service, settings);
    else
        settings_.erase(found);
    pending_.settings.insert_or_assign(service, std::move(settings));
    told(true);
}

void Intake::refuse(const std::string& object, const base::Error& why) {
    auto& error = refused_[object];
    if (error == why.message()) return;
    error = why.message();
    spdlog::warn("{}: {}", source_, error);
    handlers_.status();
}

void Intake::accept(const std::string& object) {
    if (refused_.erase(object) != 0) handlers_.status();
}

void Intake::answered() {
    last_answer_ = system_clock::now();
    if (!error_.empty()) {
        spdlog::info("{}: it answers again", source_);
        error_.clear();
        since_ = *last_answer_;
        handlers_.status();
    }
    const bool first = !std::exchange(complete_, true);
    if (first) {
        pending_.complete = true;
        for (const auto& service : std::exchange(remembered_settings_, {})) put_settings(service, nullptr);
    }
    told(first);
}

void Intake::failed(Failure kind, const base::Error& why) {
    ++figures_.failures[static_cast<std::size_t>(kind)];
    auto text = why.message();
    if (error_ == text) return;
    if (error_.empty()) since_ = system_clock::now();
    spdlog::warn("{}: {}", source_, text);
    error_ = std::move(text);
    handlers_.status();
}

// ---- What is believed of it ----

bool Intake::take(const std::string& name, model::ServicePtr service) {
    const auto found = services_.find(name);
    const auto* const before = found == services_.end() ? nullptr : found->second.get();
    if (before == nullptr ? !service : service && *before == *service) {
        withdraw(waiting_services_, name);
        return false;
    }
    const auto lost = loss(before, service.get());
    if (is_too_much(lost, hold_.share)) return hold_back(waiting_services_, name, std::move(service), lost.before, lost.after());
    withdraw(waiting_services_, name);
    set(name, std::move(service));
    return true;
}

bool Intake::take(const model::BackendsFrom& query, Set backends) {
    const auto found = sets_.find(query);
    if (found != sets_.end() && found->second == backends) {
        withdraw(waiting_sets_, query);
        return false;
    }
    const auto lost = found == sets_.end() ? Loss{} : loss(found->second, backends);
    if (is_too_much(lost, hold_.share)) return hold_back(waiting_sets_, query, std::move(backends), lost.before, lost.after());
    withdraw(waiting_sets_, query);
    set(query, std::move(backends));
    return true;
}

void Intake::set(const std::string& name, model::ServicePtr service) {
    ++figures_.changes;
    pending_.services.insert_or_assign(name, service);
    if (service)
        services_.insert_or_assign(name, std::move(service));
    else
        services_.erase(name);
}

void Intake::set(const model::BackendsFrom& query, Set backends) {
    ++figures_.changes;
    pending_.sets.insert_or_assign(query, backends);
    sets_.insert_or_assign(query, std::move(backends));
}

template <typename Key, typename Value>
bool Intake::hold_back(std::map<Key, Waiting<Value>>& waiting, const Key& key, Value next, std::size_t from, std::size_t to) {
    const auto [entry, is_new] = waiting.try_emplace(key);
    auto& held = entry->second;
    held.next = std::move(next);
    held.from = from;
    held.to = to;
    if (!is_new) {
        held.confirmed = true;
        if (now_() < held.since + hold_.time) return false;
        let_go(waiting, entry);
        handlers_.status();
        return true;
    }
    held.since = now_();
    held.since_wall = system_clock::now();
    ++figures_.held;
    if (waiting.size() <= most_logged)
        spdlog::warn("{}: {} would go from {} to {} backends: held for {} ms, asking again{}", source_, label(key), from, to,
                     hold_.time.count(), waiting.size() < most_logged ? "" : "; there are more");
    handlers_.status();
    handlers_.confirm();
    return false;
}

template <typename Key, typename Value>
void Intake::let_go(std::map<Key, Waiting<Value>>& waiting, typename std::map<Key, Waiting<Value>>::iterator entry) {
    auto& [key, held] = *entry;
    ++figures_.held_taken;
    if (waiting.size() <= most_logged)
        spdlog::warn("{}: {} goes from {} to {} backends: the registry said so again", source_, label(key), held.from, held.to);
    set(key, std::move(held.next));
    waiting.erase(entry);
}

template <typename Key, typename Value>
void Intake::withdraw(std::map<Key, Waiting<Value>>& waiting, const Key& key) {
    if (waiting.erase(key) == 0) return;
    ++figures_.held_withdrawn;
    if (waiting.size() < most_logged) spdlog::info("{}: {}: what was held is taken back by a later answer", source_, label(key));
    handlers_.status();
}

template <typename Key, typename Value>
bool Intake::take_due(std::map<Key, Waiting<Value>>& waiting, Clock::time_point now, std::optional<Clock::time_point>& next) {
    bool changed = false;
    for (auto entry = waiting.begin(); entry != waiting.end();) {
        auto& [key, held] = *entry;
        const auto due = held.since + hold_.time;
        if (now < due) {
            next = next ? std::min(*next, due) : due;
            ++entry;
        } else if (!held.confirmed) {
            // The registry has been asked and has not answered: as long as it does not, nothing goes.
            ++entry;
        } else {
            ++figures_.held_taken;
            spdlog::warn("{}: {} goes from {} to {} backends: the registry said so again", source_, label(key), held.from,
                         held.to);
            set(key, std::move(held.next));
            entry = waiting.erase(entry);
            changed = true;
        }
    }
    return changed;
}

std::optional<Intake::Clock::time_point> Intake::tick() {
    std::optional<Clock::time_point> next;
    const auto now = now_();
    bool changed = take_due(waiting_services_, now, next);
    changed = take_due(waiting_sets_, now, next) || changed;
    if (changed) {
        handlers_.status();
        told(true);
    }
    return next;
}

// ---- What is told of it ----

void Intake::told(bool changed) {
    if (changed) handlers_.changed();
}

Intake::Changes Intake::take_changes() { return std::exchange(pending_, {}); }

std::vector<Held> Intake::held() const {
    std::vector<Held> all;
    for (const auto& [name, held] : waiting_services_) all.push_back({label(name), held.from, held.to, held.since_wall});
    for (const auto& [query, held] : waiting_sets_) all.push_back({label(query), held.from, held.to, held.since_wall});
    return all;
}

}  // namespace meshd::registry
