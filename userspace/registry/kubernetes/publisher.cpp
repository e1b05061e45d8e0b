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
        const auto is_configured = [this](const model::Service& service) { return configurations_.has_service(service.name); };
        say_hidden(key, std::erase_if(translation->services, is_configured) != 0);
        return std::move(translation->services);
    }
    intake_.refuse(label(key), translation.error());
    std::vector<model::Service> last;
    for (const auto& name : {key, external(key)})
        if (const auto found = intake_.services().find(name); found != intake_.services().end()) last.push_back(*found->second);
    return last;
}

void Publisher::say_hidden(const std::string& key, bool is_hidden) {
    const auto object = "service " + key;
    if (is_hidden)
        intake_.refuse(object, {"take", object + " of Kubernetes", 0, "a MeshConfiguration has a service of this name", {}});
    else
        intake_.accept(object);
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
            if (!named.contains(name) && !configurations_.has_service(name) && intake_.services().contains(name))
                intake_.remove(name);
        if (named.empty()) forget(key);
    }
}

void Publisher::publish_all(bool knows_configurations) {
    const auto all = cluster_.all();
    auto keys = cluster_.take_touched();
    keys.insert(all.begin(), all.end());
    auto services = configurations_.services();
    services.reserve(services.size() + keys.size());
    for (const auto& key : keys)
        for (auto& service : translated(key)) services.push_back(std::move(service));
    if (knows_configurations)
        intake_.replace(std::move(services));
    else
        for (auto& service : services) intake_.put(std::move(service));
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
