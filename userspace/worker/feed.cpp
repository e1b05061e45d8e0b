// SPDX-License-Identifier: Apache-2.0
#include "worker/feed.hpp"

#include <utility>

namespace meshd::worker {

void Feed::begin_again() {
    pending_.clear();
    is_full_ = true;
    has_news_ = false;
    complete_ = false;
}

void Feed::add(const std::vector<model::ServicePtr>& upsert, const std::vector<std::string>& remove,
               const model::DesiredState& state) {
    if (state.complete && !complete_) is_full_ = true;
    has_news_ = has_news_ || is_full_ || !upsert.empty() || !remove.empty() || state.complete != complete_;
    complete_ = state.complete;
    if (is_full_) {
        pending_ = state.services;
        return;
    }
    for (const auto& name : remove) pending_.insert_or_assign(name, nullptr);
    for (const auto& service : upsert) pending_.insert_or_assign(service->name, service);
}

std::optional<channel::Delta> Feed::take() {
    if (!std::exchange(has_news_, false)) return std::nullopt;
    channel::Delta delta;
    delta.sequence = next_sequence_++;
    delta.full = std::exchange(is_full_, false);
    delta.complete = complete_;
    for (auto& [name, service] : std::exchange(pending_, {})) {
        if (service)
            delta.upsert.push_back(std::move(service));
        else
            delta.remove.push_back(name);
    }
    return delta;
}

}  // namespace meshd::worker
