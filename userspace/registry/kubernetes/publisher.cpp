// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/publisher.hpp"

#include <spdlog/spdlog.h>

namespace meshd::registry::kubernetes {

namespace {

std::string label(const std::string& key) { return "translation of service " + key; }

std::string external(const std::string& key) { return key + std::string(external_suffix); }

}  // namespace

// Rules first: an address must not be open before who may come to it is said.
void Publisher::take_side_effects(const std::string& key, Translation& translation) {
    if (!translation.rules.empty()) with_rules_.insert(key);
    if (with_rules_.contains(key)) intake_.put_rules(key, std::move(translation.rules));
    if (translation.health_check) {
        health_checks_.insert_or_assign(key, *translation.health_check);
        health_checks_changed_ = true;
    } else if (health_checks_.erase(key) != 0) {
        health_checks_changed_ = true;
    }
    if (translation.notes.empty()) {
        notes_.erase(key);
    } else if (auto& before = notes_[key]; before != translation.notes) {
        before = std::move(translation.notes);
        for (const auto& note : before) spdlog::info("{}: {}", intake_.source(), note);
    }
}

// As it is now; as it was, when it cannot be translated.
std::vector<model::Service> Publisher::translated(const std::string& key) {
    auto translation = cluster_.translate(key);
    if (translation) {
        intake_.accept(label(key));
        take_side_effects(key, *translation);
        return std::move(translation->services);
    }
    intake_.refuse(label(key), translation.error());
    std::vector<model::Service> last;
    for (const auto& name : {key, external(key)})
        if (const auto found = intake_.services().find(name); found != intake_.services().end()) last.push_back(*found->second);
    return last;
}

void Publisher::forget(const std::string& key) {
    if (with_rules_.erase(key) != 0) intake_.put_rules(key, {});
}

void Publisher::publish_touched() {
    for (const auto& key : cluster_.take_touched()) {
        auto services = translated(key);
        std::set<std::string> named;
        for (auto& service : services) {
            named.insert(service.name);
            intake_.put(std::move(service));
        }
        for (const auto& name : {key, external(key)})
            if (!named.contains(name) && intake_.services().contains(name)) intake_.remove(name);
        if (named.empty()) forget(key);
    }
}

void Publisher::publish_all() {
    const auto all = cluster_.all();
    auto keys = cluster_.take_touched();
    keys.insert(all.begin(), all.end());
    std::vector<model::Service> services;
    services.reserve(keys.size());
    for (const auto& key : keys)
        for (auto& service : translated(key)) services.push_back(std::move(service));
    intake_.replace(std::move(services));
    std::vector<std::string> bare;
    for (const auto& key : with_rules_)
        if (!all.contains(key)) bare.push_back(key);
    for (const auto& key : bare) forget(key);
}

std::vector<HealthCheckPort> Publisher::health_check_ports() const {
    std::vector<HealthCheckPort> all;
    all.reserve(health_checks_.size());
    for (const auto& [key, check] : health_checks_) all.push_back(check);
    return all;
}

}  // namespace meshd::registry::kubernetes
