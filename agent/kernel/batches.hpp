// SPDX-License-Identifier: Apache-2.0
// Which maps this kernel did not let be read many entries at a time so far.
#pragma once

#include <set>
#include <string>

namespace meshd::kernel {

// Names of maps; from any thread.
std::set<std::string> maps_without_batches();

}  // namespace meshd::kernel
