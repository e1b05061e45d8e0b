// SPDX-License-Identifier: Apache-2.0
// Forwarding as docs/api.md shows it.
#pragma once

#include <boost/json/object.hpp>

#include "forwarding/forwarder.hpp"

namespace meshd::forwarding {

boost::json::object devices_json(const Forwarder& forwarder);  // GET /v1/devices
boost::json::object status_json(const Forwarder& forwarder);   // "forwarding" of GET /v1/status

}  // namespace meshd::forwarding
