// SPDX-License-Identifier: Apache-2.0
// The programs that encrypted services need besides those of all (bpf/steer.bpf.c): attached only while there are such services.
#pragma once

#include <optional>
#include <vector>

#include "base/error.hpp"
#include "kernel/cgroup.hpp"
#include "kernel/datapath.hpp"

namespace meshd::kernel {

// `own`: the cgroup of the listeners, when it is not below the one that is served. Links are pinned; what is attached already
// gets these programs in place.
base::Result<void> attach_tls(const Datapath& datapath, const Cgroup& served, const std::optional<Cgroup>& own);

// Nothing attached: nothing to do.
base::Result<void> detach_tls(const Datapath& datapath);

// Those that were attached at some time and not detached.
std::vector<ProgramStatus> tls_programs(const Datapath& datapath);

}  // namespace meshd::kernel
