// SPDX-License-Identifier: Apache-2.0
// Counting what readers take from their short-way queues (bpf/consumed.bpf.c), for kernels that do not charge it to the reader.
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"

struct meshd_bpf;

namespace meshd::kernel {

// Before the skeleton is loaded: has the program loaded with it. Fails where the kernel has no function to count in.
base::Result<void> choose_consumed(const meshd_bpf& skeleton);

// After it is loaded: counts as long as the link that is returned is open or pinned.
base::Result<base::UniqueFd> attach_consumed(const meshd_bpf& skeleton);

}  // namespace meshd::kernel
