// SPDX-License-Identifier: Apache-2.0
#include "app/edge_setup.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "kernel/cgroup.hpp"
#include "model/tls.hpp"

namespace meshd::app {

namespace {

using namespace std::chrono_literals;

constexpr auto retry_interval = 1s;  // somebody may end the program that has a port

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

void EdgeSetup::settings_changed() {
    close_others();
    problems_.clear();
    const auto unserved = why_not_served();
    for (const auto& wanted : context_.settings.edge) {
        if (unserved.empty()) {
            open(wanted);
            continue;
        }
        problems_[wanted.name] = unserved;
        context_.degradations.set(feature_of(wanted.name), unserved, "set `cgroup` to one that has meshd below it");
    }
    if (unserved.empty() && !problems_.empty()) try_again();
}

// Those with another address as well; their connections go on.
void EdgeSetup::close_others() {
    const auto& wanted = context_.settings.edge;
    const auto is_wanted = [&](const std::string& name) {
        return std::any_of(wanted.begin(), wanted.end(), [&](const auto& one) { return one.name == name; });
    };
    for (const auto& [name, problem] : problems_)
        if (!is_wanted(name)) context_.degradations.clear(feature_of(name));
    for (auto at = open_.begin(); at != open_.end();) {
        const auto here = at++;
        const bool is_same = std::any_of(wanted.begin(), wanted.end(), [&](const auto& one) {
            return one.name == here->first && one.listen == here->second.address;
        });
        if (is_same) continue;
        handover_.set(handed_as(here->first), nullptr);
        open_.erase(here);
    }
}

void EdgeSetup::open(const model::EdgeListener& wanted) {
    const auto& settings = context_.settings;
    const auto count = model::relay_threads(settings.tls ? settings.tls->threads : 0);
    if (!open_.contains(wanted.name)) {
        auto opened = steering::listen_at(wanted.listen, count, "edge");
        if (!opened) {
            problems_[wanted.name] = opened.error().message();
            context_.degradations.set(feature_of(wanted.name), opened.error().message(), "tried again each second");
            return;
        }
        open_[wanted.name] = {wanted.listen, *opened};
        handover_.set(handed_as(wanted.name), *opened);
        spdlog::info("edge listener {} is open at {}", wanted.name, wanted.listen.text());
    }
    problems_.erase(wanted.name);
    context_.degradations.clear(feature_of(wanted.name));
}

void EdgeSetup::try_again() {
    retry_.expires_after(retry_interval);
    retry_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        for (const auto& wanted : context_.settings.edge)
            if (problems_.contains(wanted.name)) open(wanted);
        if (!problems_.empty()) try_again();
    });
}

std::string EdgeSetup::problem(const std::string& listener) const {
    const auto found = problems_.find(listener);
    return found == problems_.end() ? std::string{} : found->second;
}

}  // namespace meshd::app
