// SPDX-License-Identifier: Apache-2.0
// One end of a connection from its plan to its close.
#pragma once

#include "base/unique_fd.hpp"
#include "board.hpp"
#include "pester.hpp"
#include "watch.hpp"

namespace meshd::shapes {

// What every connection of a process shares.
struct Attendants {
    Watch watch;
    Pester pester;
};

void apply_options(int fd, const Seat& seat);  // the client: before connect(), so that the window is right from the first segment

// Does what the slot's plan says for that side, and says in the slot what it found and that it has finished.
void run_endpoint(base::UniqueFd fd, Slot& slot, Side side, Attendants& attendants);

}  // namespace meshd::shapes
