// SPDX-License-Identifier: Apache-2.0
#include "app/edge_setup.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "app/issued_directory.hpp"
#include "kernel/cgroup.hpp"
#include "model/tls.hpp"

namespace meshd::app {

namespace {

using namespace std::chrono_literals;

constexpr auto retry_interval = 1s;  // somebody may end the program that has a port
constexpr const char* acme = "acme";
constexpr const char* acme_feature = "edge certificates";

std::string feature_of(const std::string& listener) { return "edge " + listener; }
std::string handed_as(const std::string& listener) { return "edge/" + listener; }

}  // namespace

// The worker's connections to services are led by the hooks of connect(), which must see them.
std::string EdgeSetup::why_not_served() const {
    if (context_.settings.edge.empty()) return {};
    const auto mount = kernel::cgroup_mount();
    if (!mount) return mount.error().message();
    const auto own = kernel::own_cgroup(*mount);
    if (own.empty() || (own + "/").starts_with(context_.cgroup_path + "/")) return {};
    return "meshd runs in the cgroup " + own + ", and " + context_.cgroup_path +
           " is served: its connections would not be balanced";
}

std::vector<EdgeSetup::Wanted> EdgeSetup::wanted() const {
    const auto& settings = context_.settings;
    const auto threads = model::relay_threads(settings.tls ? settings.tls->threads : 0);
    std::vector<Wanted> all;
    for (const auto& one : settings.edge) all.push_back({handed_as(one.name), feature_of(one.name), one.listen, threads});
    // One thread of the worker answers.
    if (settings.acme && settings.acme->http) all.push_back({acme, feature_of("acme http"), *settings.acme->http, 1});
    return all;
}

void EdgeSetup::settings_changed() {
    make_storage();
    const auto all = wanted();
    close_others(all);
    problems_.clear();
    const auto unserved = why_not_served();
    for (const auto& one : all) {
        if (unserved.empty()) {
            open(one);
            continue;
        }
        problems_[one.handed_as] = unserved;
        context_.degradations.set(one.feature, unserved, "set `cgroup` to one that has meshd below it");
    }
    if (unserved.empty() && !problems_.empty()) try_again();
}

void EdgeSetup::make_storage() {
    const auto made = make_storage_directory(context_.settings);
    if (made) return context_.degradations.clear(acme_feature);
    context_.degradations.set(acme_feature, made.error().message(), "then reload meshd");
}

// Those with another address as well; their connections go on.
void EdgeSetup::close_others(const std::vector<Wanted>& wanted) {
    for (const auto& known : features_)
        if (std::none_of(wanted.begin(), wanted.end(), [&](const Wanted& one) { return one.handed_as == known.first; }))
            context_.degradations.clear(known.second);
    features_.clear();
    for (const auto& one : wanted) features_.emplace(one.handed_as, one.feature);
    for (auto at = open_.begin(); at != open_.end();) {
        const auto here = at++;
        const bool is_same = std::any_of(wanted.begin(), wanted.end(), [&](const Wanted& one) {
            return one.handed_as == here->first && one.listen == here->second.address;
        });
        if (is_same) continue;
        handover_.set(here->first, nullptr);
        open_.erase(here);
    }
}

void EdgeSetup::open(const Wanted& wanted) {
    if (!open_.contains(wanted.handed_as)) {
        auto opened = handover_.open(wanted.handed_as, wanted.listen, wanted.count, "edge");
        if (!opened) {
            problems_[wanted.handed_as] = opened.error().message();
            context_.degradations.set(wanted.feature, opened.error().message(), "tried again each second");
            return;
        }
        open_[wanted.handed_as] = {wanted.listen, *opened};
        handover_.set(wanted.handed_as, *opened);
        spdlog::info("{} is open at {}", wanted.feature, wanted.listen.text());
    }
    problems_.erase(wanted.handed_as);
    context_.degradations.clear(wanted.feature);
}

void EdgeSetup::try_again() {
    retry_.expires_after(retry_interval);
    retry_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        for (const auto& one : wanted())
            if (problems_.contains(one.handed_as)) open(one);
        if (!problems_.empty()) try_again();
    });
}

std::string EdgeSetup::problem(const std::string& listener) const {
    const auto found = problems_.find(handed_as(listener));
    return found == problems_.end() ? std::string{} : found->second;
}

}  // namespace meshd::app
