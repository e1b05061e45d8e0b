// SPDX-License-Identifier: Apache-2.0
// The one JSON form of a rule: between worker and agent, in the state directory and in answers. The decoder believes nothing.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "model/policy.hpp"

namespace meshd::model {

// {"name", "action", "from": {"workload" | "cidr"}, "to": {"service" | "cidr", "port", "protocol"}, "source"}; what a rule does
// not look at is not there.
boost::json::object to_json(const Rule& rule);
base::Result<Rule> rule_from_json(const boost::json::value& value);

}  // namespace meshd::model
