// SPDX-License-Identifier: Apache-2.0
#include "registry/catalog.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace meshd::registry {

// A new content that could be read, on its way to be accepted or refused.
struct Catalog::Candidate {
    const std::string* path = nullptr;
    File* file = nullptr;
    Content content;
    std::optional<config::Conflict> conflict;  // set: refused
    bool holds_new = false;                    // its new content is in the index
    bool holds_old = false;                    // its last good content is in the index
};

namespace {

// Like Error::message(), without "cannot accept": statuses say already that the file was refused.
std::string status_text(const base::Error& error) {
    if (error.operation != "accept") return error.message();
    return error.object + ": " + error.detail + (error.remedy.empty() ? "" : "; " + error.remedy);
}

}  // namespace

std::string_view name(SourceState state) { return state == SourceState::ok ? "ok" : "refused"; }

Catalog::Content Catalog::load(const model::DesiredState& state, config::RegistryFile file) {
    Content content;
    content.services.reserve(file.services.size());
    const auto source = "file:" + file.name;
    for (std::size_t i = 0; i < file.services.size(); ++i) {
        file.services[i].source = source;
        // What has not changed stays the same object, so that nobody holds it twice.
        const auto known = state.services.find(file.services[i].name);
        const bool is_same = known != state.services.end() && *known->second == file.services[i];
        content.services.push_back({is_same ? known->second : std::make_shared<const model::Service>(std::move(file.services[i])),
                                    std::move(file.marks[i])});
    }
    content.rules = std::move(file.rules);
    for (auto& rule : content.rules) rule.source = source;
    for (auto& settings : file.settings) settings.source = source;
    content.settings = std::make_shared<const std::vector<model::ServiceSettings>>(std::move(file.settings));
    return content;
}

void Catalog::apply(std::vector<Reading> readings, const std::set<std::string>& gone) {
    for (const auto& path : gone) forget(path);
    std::vector<Candidate> candidates;
    candidates.reserve(readings.size());
    for (auto& reading : readings) {
        const auto [at, is_new] = files_.try_emplace(reading.path);
        if (is_new) status_changed_ = true;
        if (!reading.file) {
            set_status(at->second, SourceState::refused, status_text(reading.file.error()));
            continue;
        }
        auto& candidate = candidates.emplace_back();
        candidate.path = &at->first;
        candidate.file = &at->second;
        candidate.content = load(state_, std::move(*reading.file));
    }
    accept(candidates);
    update_complete();
}

void Catalog::forget(const std::string& path) {
    const auto found = files_.find(path);
    if (found == files_.end()) return;
    release(found->second.content);
    withdraw(found->second.content);
    rules_changed_ = rules_changed_ || !found->second.content.rules.empty() || !found->second.was_good;
    files_.erase(found);
    ++generation_;
    status_changed_ = true;
}

// The last good contents of all files fit together, so there is always a way back to them; each further round has refused at
// least one more candidate.
bool Catalog::try_all(std::vector<Candidate>& candidates) {
    for (auto& candidate : candidates) {
        if (candidate.holds_new) release(candidate.content);
        if (candidate.holds_old) release(candidate.file->content);
        candidate.holds_new = candidate.holds_old = false;
    }
    for (auto& candidate : candidates)
        if (candidate.conflict) candidate.holds_old = !claim(index_, *candidate.path, candidate.file->content);

    for (auto& candidate : candidates) {
        if (candidate.conflict) continue;
        candidate.conflict = claim(index_, *candidate.path, candidate.content);
        candidate.holds_new = !candidate.conflict;
        if (candidate.holds_new) continue;
        const auto old_conflict = claim(index_, *candidate.path, candidate.file->content);
        candidate.holds_old = !old_conflict;
        if (candidate.holds_old) continue;
        // Another new content has taken what this file may have to keep: that one gives way, and this one is tried again.
        const auto taker = std::find_if(candidates.begin(), candidates.end(),
                                        [&](const Candidate& other) { return *other.path == old_conflict->other_file; });
        if (taker != candidates.end() && taker->holds_new) {
            config::ServiceIndex kept;
            claim(kept, *candidate.path, candidate.file->content);
            taker->conflict = claim(kept, *taker->path, taker->content);
            candidate.conflict.reset();
        }
        return false;
    }
    return true;
}

void Catalog::accept(std::vector<Candidate>& candidates) {
    for (auto& candidate : candidates) candidate.holds_old = true;
    while (!try_all(candidates)) {
    }
    for (auto& candidate : candidates)
        if (!candidate.conflict) withdraw(candidate.file->content);
    bool any_changed = false;
    for (auto& candidate : candidates) {
        if (candidate.conflict) continue;
        any_changed = true;
        publish(candidate.content);
        auto& before = candidate.file->content;
        if (before.services.size() != candidate.content.services.size()) status_changed_ = true;
        const bool was_unread = !candidate.file->was_good && candidate.file->state == SourceState::refused;
        rules_changed_ = rules_changed_ || was_unread || before.rules != candidate.content.rules;
        before = std::move(candidate.content);
        candidate.file->was_good = true;
        set_status(*candidate.file, SourceState::ok, {});
    }
    if (any_changed) ++generation_;
    for (auto& candidate : candidates)
        if (candidate.conflict)
            set_status(*candidate.file, SourceState::refused, status_text(candidate.conflict->error),
                       std::move(candidate.conflict->other_file));
}

std::optional<config::Conflict> Catalog::claim(config::ServiceIndex& index, std::string_view path, const Content& content) {
    if (auto conflict = index.add(path, *content.settings)) return conflict;
    const auto& services = content.services;
    for (std::size_t i = 0; i < services.size(); ++i) {
        auto conflict = index.add(path, *services[i].service, services[i].marks);
        if (!conflict) continue;
        index.remove(*content.settings);
        while (i > 0) index.remove(*services[--i].service);
        return conflict;
    }
    return std::nullopt;
}

void Catalog::release(const Content& content) {
    index_.remove(*content.settings);
    for (const auto& loaded : content.services) index_.remove(*loaded.service);
}

void Catalog::withdraw(const Content& content) {
    for (const auto& loaded : content.services) {
        touched_.try_emplace(loaded.service->name, loaded.service);
        state_.services.erase(loaded.service->name);
    }
    for (const auto& settings : *content.settings) {
        touched_settings_.try_emplace(settings.service, content.settings, &settings);
        settings_.erase(settings.service);
    }
}

void Catalog::publish(const Content& content) {
    for (const auto& loaded : content.services) {
        touched_.try_emplace(loaded.service->name, nullptr);
        state_.services.insert_or_assign(loaded.service->name, loaded.service);
    }
    for (const auto& settings : *content.settings) {
        touched_settings_.try_emplace(settings.service, nullptr);
        settings_.insert_or_assign(settings.service, model::ServiceSettingsPtr(content.settings, &settings));
    }
}

void Catalog::set_status(File& file, SourceState state, std::string error, std::string blocker) {
    const bool is_first = file.since == std::chrono::system_clock::time_point{};
    if (is_first || file.state != state) file.since = std::chrono::system_clock::now();
    if (is_first || file.state != state || file.error != error) status_changed_ = true;
    file.state = state;
    file.error = std::move(error);
    file.blocker = std::move(blocker);
    file.generation = generation_;
}

void Catalog::set_directory_was_read() {
    directory_was_read_ = true;
    update_complete();
}

void Catalog::update_complete() {
    state_.complete =
        directory_was_read_ && std::all_of(files_.begin(), files_.end(), [](const auto& entry) { return entry.second.was_good; });
}

std::set<std::string> Catalog::blocked_by(const std::set<std::string>& paths) const {
    std::set<std::string> blocked;
    for (bool grows = true; grows;) {
        grows = false;
        for (const auto& [path, file] : files_)
            if (!file.blocker.empty() && (paths.contains(file.blocker) || blocked.contains(file.blocker)) &&
                !paths.contains(path))
                grows |= blocked.insert(path).second;
    }
    return blocked;
}

std::set<std::string> Catalog::worth_another_look() const {
    std::set<std::string> result;
    for (const auto& [path, file] : files_)
        if (!file.blocker.empty() && file.generation != generation_) result.insert(path);
    return result;
}

std::set<std::string> Catalog::blockers_of(const std::set<std::string>& paths) const {
    std::set<std::string> blockers;
    for (const auto& path : paths)
        if (const auto found = files_.find(path); found != files_.end() && !found->second.blocker.empty())
            blockers.insert(found->second.blocker);
    return blockers;
}

std::vector<std::string> Catalog::paths() const {
    std::vector<std::string> result;
    result.reserve(files_.size());
    for (const auto& [path, file] : files_) result.push_back(path);
    return result;
}

Change Catalog::take_change() {
    Change change;
    change.complete = state_.complete;
    change.rules_changed = std::exchange(rules_changed_, false);
    for (const auto& [service_name, before] : std::exchange(touched_, {})) {
        const auto now = state_.services.find(service_name);
        if (now == state_.services.end()) {
            if (before) change.remove.push_back(service_name);
        } else if (!before || (before != now->second && *before != *now->second)) {
            change.upsert.push_back(now->second);
        }
    }
    for (const auto& [service_name, before] : std::exchange(touched_settings_, {})) {
        const auto found = settings_.find(service_name);
        const auto now = found == settings_.end() ? nullptr : found->second;
        if (before ? !now || *before != *now : now != nullptr) change.settings.emplace(service_name, now);
    }
    if (!change.empty() || complete_was_told_ != state_.complete) ++state_.version;
    complete_was_told_ = state_.complete;
    return change;
}

std::vector<model::Rule> Catalog::rules() const {
    std::vector<model::Rule> result;
    for (const auto& [path, file] : files_) result.insert(result.end(), file.content.rules.begin(), file.content.rules.end());
    return result;
}

std::vector<std::string> Catalog::unread() const {
    std::vector<std::string> result;
    for (const auto& [path, file] : files_)
        if (!file.was_good) result.push_back("file:" + path);
    return result;
}

bool Catalog::take_status_changed() { return std::exchange(status_changed_, false); }

std::vector<SourceStatus> Catalog::statuses() const {
    std::vector<SourceStatus> result;
    result.reserve(files_.size());
    for (const auto& [path, file] : files_)
        result.push_back({"file:" + path, file.state, file.content.services.size(), file.error, file.since});
    return result;
}

}  // namespace meshd::registry
