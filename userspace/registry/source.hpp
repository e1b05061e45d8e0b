// SPDX-License-Identifier: Apache-2.0
// A registry that is followed: what each kind of it has in common. A source talks to its server and translates what it says; what
// it said is kept, compared and guarded by its Intake.
#pragma once

#include <set>

#include "model/service.hpp"

namespace meshd::registry {

// Everything on the thread of the loop that it was made with. Its Intake outlives it.
class Source {
public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

    virtual void start() = 0;

    // Asks for everything again, at once and whatever was known: after a reconnect, at an interval, when a removal is held, by
    // `meshctl registry sync`. Everything that the answer says goes to the intake again. Cheap to call twice.
    virtual void sync() = 0;

    // All queries for backends that somebody waits for, of those that are for this source; replaces those of the call before.
    // Answers go to Intake::put_set().
    virtual void want(const std::set<model::BackendsFrom>& queries) { (void)queries; }
};

}  // namespace meshd::registry
