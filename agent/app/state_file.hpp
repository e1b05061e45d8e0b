// SPDX-License-Identifier: Apache-2.0
// The last desired state on disk: what the agent starts with when the machine has rebooted and a registry does not answer, or has
// become unreadable. Lines of JSON: a head and one line for each service, then batches of what changed, each with a head of its
// own. So a change costs what it changes, however many services there are.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "model/service.hpp"

namespace meshd::app {

struct SavedState {
    std::chrono::system_clock::time_point saved_at;
    std::vector<model::ServicePtr> services;
};

// Not for two threads at once.
class StateFile {
public:
    using Changes = std::map<std::string, model::ServicePtr, std::less<>>;  // by name; null: gone

    explicit StateFile(const std::string& directory) : directory_(directory), path_(directory + "/desired.jsonl") {}

    [[nodiscard]] const std::string& path() const { return path_; }

    // Written beside, synced and renamed: the old one stays whole until the new one is.
    [[nodiscard]] base::Result<void> save(const model::DesiredState& state);

    // Whether so many changes are better appended than all of it saved. Never before save() has succeeded: of another's file
    // nobody knows what stands in it.
    [[nodiscard]] bool is_worth_appending(std::size_t changes) const;

    // After an error the next write has to be save().
    [[nodiscard]] base::Result<void> append(const Changes& changes);

    // No file: no services, saved_at is the epoch. A bad line is an error; what can be read of the rest is not used either. But
    // of batches the last may be cut short, by a crash while it was written: it counts as never begun.
    [[nodiscard]] base::Result<SavedState> load() const;

    [[nodiscard]] base::Result<void> remove();

private:
    std::string directory_;
    std::string path_;
    std::size_t saved_ = 0;     // services that save() has written
    std::size_t appended_ = 0;  // changes behind them
    bool is_whole_ = false;     // what save() has written stands there, and every batch behind it
};

}  // namespace meshd::app
