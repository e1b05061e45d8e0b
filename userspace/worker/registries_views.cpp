// SPDX-License-Identifier: Apache-2.0
// How the registries stand.
#include "worker/followed.hpp"

namespace meshd::worker {

std::string Registries::directory_error() const { return files_ ? files_->directory_error() : files_error_; }

std::vector<registry::SourceStatus> Registries::statuses() const {
    auto all = files_ ? files_->statuses() : std::vector<registry::SourceStatus>{};
    for (const auto& [name, followed] : followed_)
        for (const auto& [object, error] : followed->intake.refused())
            all.push_back({followed->intake.source() + '/' + object, registry::SourceState::refused, 0, error, {}});
    for (const auto& [service, why] : unanswerable_)
        all.push_back({"service:" + service, registry::SourceState::refused, 0, "service " + service + ": " + why, {}});
    for (const auto& [service, refused] : settings_of_.refused())
        all.push_back(
            {"service:" + service, registry::SourceState::refused, 0, "settings of service " + service + ": " + refused.why, {}});
    return all;
}

// What became of a registry's services and settings among those of others.
void Registries::add_conflicts(std::size_t rank, RegistryView& view) const {
    view.hidden = merger_.hidden(rank);
    for (auto& [service, hidden] : settings_of_.hidden(rank)) view.hidden.emplace("settings of " + service, std::move(hidden));
    for (const auto& [service, refused] : settings_of_.refused())
        if (refused.rank == rank) view.refused.emplace("settings of " + service, refused.why);
}

std::vector<RegistryView> Registries::views() const {
    std::vector<RegistryView> all;
    RegistryView files;
    files.name = files.kind = files_name;
    files.error = directory_error();
    files.answered = files.error.empty() && files_;
    if (files_) {
        files.services = files_->state().services.size();
        for (const auto& [name, service] : files_->state().services)
            for (const auto& port : service->ports) files.backends += port.backends.size();
        for (const auto& status : files_->statuses())
            if (status.state != registry::SourceState::ok) files.refused.emplace(status.name, status.error);
        add_conflicts(ranks_.at(files_name), files);
    }
    all.push_back(std::move(files));
    for (const auto& [name, followed] : followed_) {
        const auto& intake = followed->intake;
        auto& view = all.emplace_back();
        view.name = name;
        view.kind = followed->kind;
        view.answered = intake.complete();
        view.error = intake.error();
        view.since = intake.since();
        view.last_answer = intake.last_answer();
        view.services = intake.services().size();
        view.backends = intake.backends();
        view.queries = intake.sets().size();
        view.refused = intake.refused();
        if (name != dns_name) add_conflicts(followed->rank, view);
        view.held = intake.held();
        view.figures = intake.figures();
        view.missed = intake.missed();
    }
    return all;
}

}  // namespace meshd::worker
