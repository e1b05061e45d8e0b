// SPDX-License-Identifier: Apache-2.0
// The backends on this host that clear text from other hosts is kept from. Pure.
#pragma once

#include <set>
#include <string>

#include "kernel/tls_maps.hpp"
#include "model/service.hpp"
#include "reconcile/proposal.hpp"
#include "reconcile/realized_state.hpp"
#include "steering/addresses.hpp"

namespace meshd::steering {

// Of services of these names, as far as they are desired. Of several that have an endpoint the strictest counts.
kernel::Guarded guarded_of(const std::set<std::string>& names, const reconcile::Services& desired,
                           const reconcile::RealizedState& realized, const Addresses& own);

}  // namespace meshd::steering
