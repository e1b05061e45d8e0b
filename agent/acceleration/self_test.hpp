// SPDX-License-Identifier: Apache-2.0
// Proves on the running kernel, with real sockets of its own, what the short way may be used for.
#pragma once

#include <chrono>
#include <string>

#include "acceleration/verdict.hpp"
#include "base/error.hpp"

namespace meshd::acceleration {

// Takes less than two seconds, in a child process with a cgroup of its own below `cgroup` (a directory of cgroup v2, or "auto")
// and, where that is allowed, a network namespace of its own. Nothing of it stays. A check that is silent for `silence` is taken
// to hang, and ends the test; the whole of it never takes more than `longest` times that. The caller has one thread. An error: it
// could not be tried at all, which is as good as off.
base::Result<Verdict> self_test(const std::string& cgroup, std::chrono::milliseconds silence = std::chrono::seconds(5));

inline constexpr int longest = 6;

}  // namespace meshd::acceleration
