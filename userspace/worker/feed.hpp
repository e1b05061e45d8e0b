// SPDX-License-Identifier: Apache-2.0
// What the agent has not been told yet. Pure: changes go in, batches come out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "channel/messages.hpp"
#include "model/service.hpp"

namespace meshd::worker {

class Feed {
public:
    // Another registry, or the first one: what was pending is of no interest, and the next batch is the whole state.
    void begin_again();

    // `state` is what the registry says after this change. The batch is the whole state also when it has just become complete:
    // only then may the agent remove what it knows from earlier and nobody names any more.
    void add(const std::vector<model::ServicePtr>& upsert, const std::vector<std::string>& remove,
             const model::DesiredState& state);

    // Nothing when the agent knows everything.
    std::optional<channel::Delta> take();
    [[nodiscard]] bool has_news() const { return has_news_; }

private:
    decltype(model::DesiredState::services) pending_;  // null: removed
    std::uint64_t next_sequence_ = 1;
    bool is_full_ = true;
    bool has_news_ = false;
    bool complete_ = false;
};

}  // namespace meshd::worker
