// SPDX-License-Identifier: Apache-2.0
// The last events of flows, for those who watch.
#pragma once

#include "base/numbered_log.hpp"
#include "meshd/abi.h"

namespace meshd::flows {

using EventLog = base::NumberedLog<md_flow_event, 8192, 1024>;

}  // namespace meshd::flows
