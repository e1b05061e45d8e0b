// SPDX-License-Identifier: Apache-2.0
// The JSON form of a service's "health", and of what the probes found.
#pragma once

#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "model/health.hpp"

namespace meshd::model {

boost::json::object to_json(const Health& health);
boost::json::object to_json(const BackendHealth& health);

// Believes nothing: what is missing or out of its range is an error that names the member below `where`.
base::Result<Health> health_from_json(const boost::json::value& value, const std::string& where);
base::Result<BackendHealth> backend_health_from_json(const boost::json::value& value, const std::string& where);

}  // namespace meshd::model
