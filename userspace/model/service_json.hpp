// SPDX-License-Identifier: Apache-2.0
// The one JSON form of a service: between worker and agent, in the state file, in POST /v1/plan and in the answers of the control
// socket. The decoder believes nothing: it checks every rule of model/service.hpp and names the field that breaks one.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "model/service.hpp"

namespace meshd::model {

// {"name", "addresses": [text], "balancing" (see balancing_json.hpp), "when_no_backend", "acceleration", "forward", "affinity_s",
// "source",
//  "ports": [{"name", "port", "protocol", "node_port", "backends": [{"address", "port", "weight", "state", "locality",
//  "host"}]}]}
// "acceleration" is "on", "off" or {"fionread": "accept"}; automatic ("auto" is read too) is not written.
// "limits" is {"connections", "rate", "burst"}, not written when there are none.
// "forward" is "nat", "dsr" or "off" and likewise; "affinity_s" and "node_port" are not written when there is none.
// "drain" is {"deadline_s", "sockets": "close" or "keep", "unhealthy": likewise}, not written when it is the default.
// "health" (see health_json.hpp) and "tls" (see tls_json.hpp) are not written when they are the default.
boost::json::object to_json(const Service& service);
boost::json::object to_json(const Drain& drain);
base::Result<Service> service_from_json(const boost::json::value& value);

}  // namespace meshd::model
