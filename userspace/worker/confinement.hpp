// SPDX-License-Identifier: Apache-2.0
// System calls that neither the worker nor what it starts (probes, the ACME client) has any use for, and that make a hole in the
// kernel or in another process worth more to whoever has taken it over.
#pragma once

#include "base/error.hpp"

namespace meshd::worker {

// From here on they fail with EPERM, for this process and all that it starts. Needs no_new_privs. Before threads are made.
base::Result<void> confine();

}  // namespace meshd::worker
