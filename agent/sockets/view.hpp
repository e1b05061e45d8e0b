// SPDX-License-Identifier: Apache-2.0
// Stale sockets as people and Prometheus see them.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "sockets/stale_sockets.hpp"

namespace meshd::sockets {

// "stale_sockets" of GET /v1/drift.
boost::json::object drift_json(const StaleSockets& stale);

void add_families(const StaleSockets& stale, boost::json::array& families);

}  // namespace meshd::sockets
