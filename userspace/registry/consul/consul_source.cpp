// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/consul_source.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "http/message.hpp"
#include "registry/consul/discovered.hpp"

namespace meshd::registry::consul {

namespace {

constexpr std::chrono::seconds between_looks{30};

const std::string catalog = "catalog", critical = "critical", keys = "keys", leader = "leader";

std::vector<std::string> names_of(const std::map<std::string, model::ServicePtr>& services) {
    std::vector<std::string> names;
    for (const auto& [name, service] : services) names.push_back(name);
    return names;
}

}  // namespace

ConsulSource::ConsulSource(boost::asio::io_context& io, web::AsyncClient& client, model::ConsulRegistry settings, Intake& intake,
                           Times times)
    : settings_(std::move(settings)),
      intake_(intake),
      units_(intake),
      queries_(io, client, settings_,
               {[this] { intake_.answered(); }, [this](Failure kind, const base::Error& error) { intake_.failed(kind, error); }},
               times) {}

ConsulSource::~ConsulSource() = default;

// ---- What is asked ----

void ConsulSource::start() {
    is_started_ = true;
    if (settings_.discover)
        queries_.set(catalog, {.path = "/v1/catalog/services", .take = [this](const auto& body) { return take_catalog(body); }});
    if (!settings_.keys.empty())
        queries_.set(keys, {.path = "/v1/kv/" + escaped_path(settings_.keys) + "?recurse",
                            .if_missing = "[]",
                            .take = [this](const auto& body) { return take_keys(body); }});
    for (const auto& [name, followed] : followed_) follow(name);
    ask_otherwise();
}

void ConsulSource::sync() { queries_.ask_all(); }

void ConsulSource::want(const std::set<model::BackendsFrom>& queries) {
    std::map<Name, std::set<model::BackendsFrom>> wanted;
    for (const auto& query : queries)
        wanted[{query.name, query.datacenter == settings_.datacenter ? std::string{} : query.datacenter}].insert(query);
    std::vector<Name> unused;
    for (auto& [name, followed] : followed_)
        if (!wanted.contains(name)) {
            followed.queries.clear();
            unused.push_back(name);
        }
    for (const auto& name : unused) unfollow_if_unused(name);
    for (auto& [name, these] : wanted) {
        auto& before = followed_[name].queries;
        const bool has_new = !std::includes(before.begin(), before.end(), these.begin(), these.end());
        before = std::move(these);
        if (has_new) follow(name);
    }
    ask_otherwise();
}

// Asks for it anew when it is followed already.
void ConsulSource::follow(const Name& name) {
    if (!is_started_) return;
    if (queries_.has(name.id())) return queries_.ask(name.id());
    queries_.set(name.id(), {.path = "/v1/health/service/" + http::percent_encode(name.service),
                             .datacenter = name.datacenter,
                             .has_turns = true,
                             .take = [this, name](const auto& body) { return take_instances(name, body); }});
}

void ConsulSource::unfollow_if_unused(const Name& name) {
    const auto found = followed_.find(name);
    if (found == followed_.end() || found->second.in_catalog || !found->second.queries.empty()) return;
    refuse(found->second.refused, {});
    followed_.erase(found);
    queries_.drop(name.id());
}

// What is asked depending on what else is.
void ConsulSource::ask_otherwise() {
    if (!is_started_) return;
    // Somebody has to say whether it is there.
    const bool asks_nothing = !settings_.discover && settings_.keys.empty() && followed_.empty();
    if (!asks_nothing)
        queries_.drop(leader);
    else if (!queries_.has(leader))
        queries_.set(leader,
                     {.path = "/v1/status/leader", .interval = between_looks, .take = [](const std::string& body) {
                          if (body.size() > 2) return base::Result<Next>(Next::again);
                          return base::Result<Next>(base::fail({"read", {}, 0, "the servers of Consul have no leader", {}}));
                      }});
    // Services that take turns are seen late: this tells at once whose health has changed.
    if (!queries_.take_turns())
        queries_.drop(critical);
    else if (!queries_.has(critical))
        queries_.set(critical,
                     {.path = "/v1/health/state/critical", .take = [this](const auto& body) { return take_critical(body); }});
}

// ---- What is answered ----

base::Result<ConsulSource::Next> ConsulSource::take_catalog(const std::string& body) {
    auto services = parse_catalog(body);
    if (!services) return tl::make_unexpected(services.error());
    std::vector<Name> gone;
    for (auto& [name, followed] : followed_)
        if (followed.in_catalog && !services->contains(name.service)) {
            followed.in_catalog = false;
            gone.push_back(name);
        }
    for (const auto& name : gone) {
        discovered_.erase(name.service);
        unfollow_if_unused(name);
    }
    for (auto& [service, tags] : *services) {
        const Name name{service, {}};
        auto& followed = followed_[name];
        if (followed.in_catalog && followed.tags == tags) continue;
        followed.in_catalog = true;
        followed.tags = std::move(tags);
        follow(name);
    }
    for (const auto& name : names_of(intake_.services()))
        if (!services->contains(name) && !left_keys_.contains(name)) remove_if_gone(name);
    ask_otherwise();
    return Next::again;
}

base::Result<ConsulSource::Next> ConsulSource::take_instances(const Name& name, const std::string& body) {
    const auto instances = parse_instances(body);
    if (!instances) return tl::make_unexpected(instances.error());
    auto& followed = followed_.at(name);
    std::map<std::string, base::Error> refused;
    for (const auto& [id, why] : instances->left_out)
        refused["instance " + id] = {"take", "instance " + id + " of Consul", 0, why, {}};

    const bool may_have_address = followed.in_catalog;
    if (may_have_address) {
        auto service = discovered(name.service, *instances);
        if (!service) {
            refused["service " + name.service] = service.error();
        } else if (*service) {
            discovered_[name.service] = std::move(**service);
            if (units_.has_service(name.service))
                refused["service " + name.service] = {
                    "take", "service " + name.service + " of Consul", 0, "a key has a service of this name", {}};
        } else {
            discovered_.erase(name.service);
        }
    }
    refuse(followed.refused, refused);
    // Whoever hears of these may want other queries: nothing of `followed` is touched behind it.
    const auto queries = followed.queries;
    for (const auto& query : queries) intake_.put_set(query, backends_of(*instances, query.tags));
    if (may_have_address) {
        put_discovered(name.service);
        remove_if_gone(name.service);
    }
    ask_otherwise();
    return !queries.empty() || discovered_.contains(name.service) ? Next::again : Next::rest;
}

base::Result<ConsulSource::Next> ConsulSource::take_critical(const std::string& body) {
    auto now = parse_critical(body);
    if (!now) return tl::make_unexpected(now.error());
    Critical changed;
    std::set_symmetric_difference(now->begin(), now->end(), critical_.begin(), critical_.end(),
                                  std::inserter(changed, changed.end()));
    critical_ = std::move(*now);
    const bool of_node = std::any_of(changed.begin(), changed.end(), [](const auto& check) { return check.second.empty(); });
    std::set<std::string> services;
    for (const auto& [check, service] : changed) services.insert(service);
    for (const auto& [name, followed] : followed_)
        if (of_node || services.contains(name.service)) queries_.hurry(name.id());
    return Next::again;
}

base::Result<ConsulSource::Next> ConsulSource::take_keys(const std::string& body) {
    const auto texts = parse_keys(body);
    if (!texts) return tl::make_unexpected(texts.error());
    for (const auto& name : names_of(intake_.services()))
        if (units_.has_service(name)) left_keys_.insert(name);
    std::set<std::string> hidden;
    for (const auto& [name, service] : discovered_)
        if (units_.has_service(name)) hidden.insert(name);
    for (const auto& key : keys_)
        if (!texts->contains(key)) units_.remove(key);
    keys_.clear();
    for (const auto& [key, text] : *texts) {
        units_.put(key, text);
        keys_.insert(key);
    }
    // Services that are known from an earlier run stay until both have answered.
    if (!std::exchange(knows_keys_, true) && settings_.discover) queries_.ask(catalog);
    if (!settings_.discover)
        for (const auto& name : names_of(intake_.services())) left_keys_.insert(name);
    for (const auto& [name, service] : discovered_)
        if (hidden.contains(name) != units_.has_service(name))
            queries_.ask(Name{name, {}}.id());  // it is refused, or is not any more
    std::erase_if(left_keys_, [&](const std::string& name) { return units_.has_service(name); });
    for (const auto& name : left_keys_) {
        put_discovered(name);
        remove_if_gone(name);
    }
    std::erase_if(left_keys_,
                  [&](const std::string& name) { return !intake_.services().contains(name) || discovered_.contains(name); });
    return Next::again;
}

// ---- What the intake is told ----

void ConsulSource::put_discovered(const std::string& name) {
    const auto found = discovered_.find(name);
    if (found != discovered_.end() && !units_.has_service(name)) intake_.put(found->second);
}

// Said again with each answer that says so: the intake may hold it back until a second one does.
void ConsulSource::remove_if_gone(const std::string& name) {
    const bool may_be_in_keys = !settings_.keys.empty() && !knows_keys_;
    if (may_be_in_keys || discovered_.contains(name) || units_.has_service(name)) return;
    if (intake_.services().contains(name)) intake_.remove(name);
}

void ConsulSource::refuse(std::set<std::string>& refused, const std::map<std::string, base::Error>& now) {
    for (const auto& object : refused)
        if (!now.contains(object)) intake_.accept(object);
    refused.clear();
    for (const auto& [object, why] : now) {
        intake_.refuse(object, why);
        refused.insert(object);
    }
}

}  // namespace meshd::registry::consul
