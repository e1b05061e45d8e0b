// SPDX-License-Identifier: Apache-2.0
// The JSON form of model/acme.hpp. The decoder believes nothing and names the field that breaks a rule.
#pragma once

#include <string>

#include <boost/json/fwd.hpp>

#include "base/error.hpp"
#include "model/acme.hpp"

namespace meshd::model {

// {"directory", "email", "challenge", "http", "storage", "renew_before_ms"}
boost::json::object to_json(const AcmeSettings& acme);
base::Result<AcmeSettings> acme_from_json(const boost::json::value& value, const std::string& where);

}  // namespace meshd::model
