// SPDX-License-Identifier: Apache-2.0
// Work that may crash or hang, done in a process of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace meshd::acceleration {

struct ChildReport {
    std::vector<std::string> lines;  // whole lines only
    std::string end;                 // how it ended, when not well: "was ended by signal 11", "was silent for 5000 ms"
    bool out_of_time = false;        // it was killed
};

// Takes lines to the parent.
using Tell = std::function<void(const std::string& line)>;

// How long a child may go without a line, and in all: one that gets little of a busy machine is slow, one that hangs is silent.
struct Patience {
    std::chrono::milliseconds silence;
    std::chrono::milliseconds in_all;
};

// Runs `work` in a forked child, which has no descriptor but standard ones, default signal handlers, and ends with its parent.
// Returns when it has ended; when patience ends it is killed. The caller has one thread: the child uses what a fork leaves it.
base::Result<ChildReport> run_in_child(const std::function<void(const Tell&)>& work, Patience patience);

}  // namespace meshd::acceleration
