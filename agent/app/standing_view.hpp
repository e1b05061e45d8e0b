// SPDX-License-Identifier: Apache-2.0
// How backends stand, for those who ask: in the rows that name them, in counts, and as metrics.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "app/context.hpp"

namespace meshd::app {

// Adds "state", "reason", "since", "until" and "in_panic" to the row of a backend.
void add_standing(const Context& context, const reconcile::PortKey& port, const base::SocketAddress& backend,
                  boost::json::object& row);

// {"total", "ready", "drain", "maint", "unhealthy", "ejected"} of all backends.
boost::json::object backend_counts(const Context& context);

void add_state_families(const Context& context, boost::json::array& families);

}  // namespace meshd::app
