// SPDX-License-Identifier: Apache-2.0
// What the registries say as one state: queries answered, conflicts decided, changes told.
#include <algorithm>
#include <iterator>
#include <utility>

#include "worker/followed.hpp"

namespace meshd::worker {

using boost::system::error_code;

// ---- Queries ----

tl::expected<Registries::Followed*, std::string> Registries::answerer(const model::BackendsFrom& query) {
    using Answerer = tl::expected<Followed*, std::string>;
    using Kind = model::BackendsFrom::Kind;
    if (query.kind != Kind::consul && query.kind != Kind::etcd) return &dns();
    const std::string kind = query.kind == Kind::consul ? "consul" : "etcd";
    const std::string kind_name = query.kind == Kind::consul ? "Consul" : "etcd";
    std::vector<Followed*> all;
    for (const auto& [name, followed] : followed_) {
        if (followed->kind != kind) continue;
        if (name == query.registry) return followed.get();
        all.push_back(followed.get());
    }
    if (!query.registry.empty())
        return Answerer(tl::unexpect, "meshd.yaml names no " + kind_name + " registry \"" + query.registry + "\"");
    if (all.empty()) return Answerer(tl::unexpect, "meshd.yaml names no " + kind_name + " registry; add registry." + kind);
    if (all.size() > 1)
        return Answerer(tl::unexpect,
                        "there are several " + kind_name + " registries; say which by \"registry\" in \"backends_from\"");
    return all.front();
}

model::ServicePtr Registries::complete_service(const model::ServicePtr& service) {
    unanswerable_.erase(service->name);
    queries_.set(service->name, service->backends_from ? &*service->backends_from : nullptr);
    if (!service->backends_from) return service;
    const auto& query = *service->backends_from;
    const auto followed = answerer(query);
    if (!followed) {
        unanswerable_.emplace(service->name, followed.error());
        return service;
    }
    auto& intake = (*followed)->intake;
    const auto remembered = remembered_.find(service->name);
    if (intake.find_set(query) == nullptr && remembered != remembered_.end())
        intake.remember_set(query, registry::answer_of(*remembered->second));
    const auto* const set = intake.find_set(query);
    // Whether the agent knows some is about to be told.
    if (set == nullptr && !has_remembered_) return nullptr;
    static const std::vector<model::Backend> none;
    return registry::with_backends(*service, set == nullptr ? none : *set, intake.source());
}

void Registries::await_settings() {
    settings_of_.await([this](std::string_view source) { return awaited_rank(source); });
}

std::optional<std::size_t> Registries::awaited_rank(std::string_view source) const {
    if (source.starts_with("file:")) {
        const bool is_awaited = !files_ || !files_->state().complete;
        return is_awaited ? std::optional(ranks_.at(files_name)) : std::nullopt;
    }
    const auto registry = source.substr(0, source.find('/'));
    for (const auto& [name, followed] : followed_)
        if (name != dns_name && followed->intake.source() == registry && !followed->intake.complete()) return followed->rank;
    return std::nullopt;
}

void Registries::ask_queries() {
    std::map<Followed*, std::set<model::BackendsFrom>> wanted;
    for (const auto& [name, followed] : followed_) wanted[followed.get()];
    for (const auto& [query, services] : queries_.all())
        if (const auto followed = answerer(query)) wanted[*followed].insert(query);
    for (auto& [followed, queries] : wanted) {
        followed->intake.keep_sets(queries);
        followed->source->want(queries);
    }
}

// ---- What they say, together ----

void Registries::remember(const std::vector<model::ServicePtr>& services, std::chrono::system_clock::time_point as_of) {
    std::map<std::string, std::vector<model::ServicePtr>> by_source;
    for (const auto& service : services) {
        auto parts = model::source_parts(service->source);
        if (!parts.settings.empty()) settings_of_.remember(service);
        if (!parts.answerer.empty()) {
            remembered_.emplace(service->name, service);
            continue;
        }
        auto& of_source = by_source[parts.service.substr(0, parts.service.find('/'))];
        if (parts.settings.empty()) {
            of_source.push_back(service);
            continue;
        }
        // What it says without its settings is not known, and need not be before it says so itself.
        auto bare = *service;
        bare.source = std::move(parts.service);
        of_source.push_back(std::make_shared<const model::Service>(std::move(bare)));
    }
    for (auto& [name, followed] : followed_)
        if (const auto found = by_source.find(followed->intake.source()); found != by_source.end())
            followed->intake.remember(std::move(found->second), as_of);
    has_remembered_ = true;
    look_at_all_ = true;
    await_settings();
    collect();
}

// Several of them may say something in one turn of the loop.
void Registries::collect_soon() {
    if (std::exchange(is_collect_due_, true)) return;
    collect_timer_.expires_after(std::chrono::milliseconds(0));
    collect_timer_.async_wait([this](error_code ec) {
        if (!ec) collect();
    });
}

void Registries::collect_from(Followed& followed, std::map<std::string, model::ServicePtr>& touched) {
    auto changes = followed.intake.take_changes();
    for (auto& [name, service] : changes.services) merger_.put(followed.rank, name, std::move(service));
    for (auto& [name, settings] : changes.settings)
        if (followed.kind != dns_name) settings_of_.put(followed.rank, name, std::move(settings));
    if (changes.complete) await_settings();
    rules_changed_ = rules_changed_ || changes.rules;
    pods_changed_ = pods_changed_ || changes.pods;
    for (const auto& [query, set] : changes.sets)
        for (const auto& name : queries_.waiting_for(query)) {
            remembered_.erase(name);  // it has been told something
            if (const auto found = merger_.in_force().find(name); found != merger_.in_force().end())
                touched.emplace(name, found->second);
        }
}

void Registries::collect() {
    is_collect_due_ = false;
    if (!files_ || !handlers_.on_change) return;
    registry::Change change;
    const auto unanswerable_before = unanswerable_;  // few, almost always none
    const auto refused_before = settings_of_.refused();
    std::map<std::string, model::ServicePtr> touched;
    for (auto& [name, followed] : followed_) collect_from(*followed, touched);
    if (std::exchange(pods_changed_, false) && handlers_.on_pods) handlers_.on_pods();
    for (auto& [name, service] : merger_.take()) touched.insert_or_assign(name, std::move(service));
    for (const auto& name : settings_of_.take_touched())
        if (const auto found = merger_.in_force().find(name); found != merger_.in_force().end())
            touched.emplace(name, found->second);
    if (std::exchange(look_at_all_, false)) {
        for (const auto& [name, service] : state_.services) touched.try_emplace(name, nullptr);
        for (const auto& [name, service] : merger_.in_force()) touched.insert_or_assign(name, service);
    }
    for (const auto& [name, service] : touched) take(name, service, change);
    if (queries_.take_changed()) ask_queries();

    if (unanswerable_ != unanswerable_before || settings_of_.refused() != refused_before) handlers_.on_status();
    const bool was_complete = std::exchange(state_.complete, is_complete());
    const bool rules_were = std::exchange(rules_were_complete_, rules_complete());
    change.complete = state_.complete;
    change.rules_changed = std::exchange(rules_changed_, false) || rules_were != rules_were_complete_;
    const bool is_first = state_.version == 0;
    if (!is_first && change.empty() && was_complete == state_.complete) return;
    ++state_.version;
    handlers_.on_change(change);
}

void Registries::take(const std::string& name, const model::ServicePtr& service, registry::Change& change) {
    if (!service) {
        queries_.set(name, nullptr);
        unanswerable_.erase(name);
        settings_of_.forget(name);
        if (state_.services.erase(name) != 0) change.remove.push_back(name);
        return;
    }
    // Whether the agent knows settings that nobody has said so far is about to be told.
    if (!has_remembered_ && !rules_complete()) {
        look_at_all_ = true;
        return;
    }
    auto now = complete_service(settings_of_.apply(service));
    if (!now) return;
    auto& known = state_.services[name];
    if (known && (known == now || *known == *now)) return;
    known = now;
    change.upsert.push_back(std::move(now));
}

bool Registries::is_complete() const {
    if (!files_ || !files_->state().complete) return false;
    if (!has_remembered_ && !(followed_.empty() && queries_.all().empty())) return false;
    return std::all_of(followed_.begin(), followed_.end(), [](const auto& entry) {
        return entry.first == dns_name || entry.second->intake.last_answer().has_value();
    });
}

std::vector<model::Rule> Registries::rules() const {
    std::map<std::size_t, std::vector<model::Rule>> by_rank;
    if (files_) by_rank[ranks_.at(files_name)] = files_->rules();
    for (const auto& [name, followed] : followed_)
        if (name != dns_name) by_rank[followed->rank] = followed->intake.rules();
    std::vector<model::Rule> all;
    for (auto& [rank, rules] : by_rank) std::move(rules.begin(), rules.end(), std::back_inserter(all));
    return all;
}

std::optional<std::vector<model::Pod>> Registries::pods() const {
    std::vector<model::Pod> all;
    for (const auto& one : settings_.kubernetes) {
        if (!one.pods) continue;
        const auto followed = followed_.find(one.name);
        if (followed == followed_.end() || !followed->second->intake.pods()) return std::nullopt;
        const auto& pods = *followed->second->intake.pods();
        all.insert(all.end(), pods.begin(), pods.end());
    }
    if (all.size() > model::max_pods) all.resize(model::max_pods);
    return all;
}

bool Registries::rules_complete() const {
    return files_ && files_->state().complete && std::all_of(followed_.begin(), followed_.end(), [](const auto& entry) {
               return entry.first == dns_name || entry.second->intake.complete();
           });
}

std::vector<std::string> Registries::unread() const {
    auto names = files_ ? files_->unread() : std::vector<std::string>{};
    // Of a directory that has never been read nobody knows the files' names: then no source is named, and any rule may be there.
    if (names.empty() && files_ && !files_->state().complete) return names;
    for (const auto& [name, followed] : followed_)
        if (name != dns_name && !followed->intake.complete()) names.push_back(followed->intake.source());
    return names;
}

}  // namespace meshd::worker
