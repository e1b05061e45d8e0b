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
    return all;
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
        files.hidden = merger_.hidden(ranks_.at(files_name));
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
        if (name != dns_name) view.hidden = merger_.hidden(followed->rank);
        view.held = intake.held();
        view.figures = intake.figures();
        view.missed = intake.missed();
    }
    return all;
}

}  // namespace meshd::worker
