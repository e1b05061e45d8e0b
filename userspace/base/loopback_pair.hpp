// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::base {

// Two ends of one TCP connection over loopback, both without blocking.
Result<std::pair<UniqueFd, UniqueFd>> loopback_pair();

}  // namespace meshd::base
