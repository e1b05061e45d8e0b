// SPDX-License-Identifier: Apache-2.0
// The agent: loads or takes over the datapath, follows what the worker says, answers on the control socket. One thread, one loop.
#pragma once

#include <memory>

#include "app/options.hpp"

namespace meshd::app {

// Runs until SIGTERM or SIGINT. Programs and maps stay pinned and at work.
base::Result<void> run(const Options& options);

// Whether an agent of this version could begin here, in the place of one that runs or without; touches nothing.
base::Result<void> check(const Options& options);

// What the last agent of an older ABI version left, back in its place; it goes on with the connections of now.
base::Result<void> roll_back(const Options& options);
// Removes what roll_back() would bring back.
base::Result<void> forget_previous(const Options& options);

// Detaches all programs and removes all pins and the saved state.
base::Result<void> unload(const Options& options);

}  // namespace meshd::app
