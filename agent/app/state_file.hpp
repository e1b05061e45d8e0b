// SPDX-License-Identifier: Apache-2.0
// The last desired state on disk: what the agent starts with when the machine has rebooted and a registry does not answer, or has
// become unreadable. One line of JSON for the head, then one for each service.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "model/service.hpp"

namespace meshd::app {

struct SavedState {
    std::chrono::system_clock::time_point saved_at;
    std::vector<model::ServicePtr> services;
};

class StateFile {
public:
    explicit StateFile(const std::string& directory) : directory_(directory), path_(directory + "/desired.jsonl") {}

    [[nodiscard]] const std::string& path() const { return path_; }

    // Written beside, synced and renamed: the old one stays whole until the new one is. May be called from any thread.
    [[nodiscard]] base::Result<void> save(const model::DesiredState& state) const;

    // No file: no services, saved_at is the epoch. A bad line is an error; what can be read of the rest is not used either.
    [[nodiscard]] base::Result<SavedState> load() const;

    [[nodiscard]] base::Result<void> remove() const;

private:
    std::string directory_;
    std::string path_;
};

}  // namespace meshd::app
