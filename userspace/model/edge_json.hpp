// SPDX-License-Identifier: Apache-2.0
// The JSON forms of model/edge.hpp. The decoder believes nothing and names the field that breaks a rule.
#pragma once

#include <string>

#include <boost/json/fwd.hpp>

#include "base/error.hpp"
#include "model/edge.hpp"

namespace meshd::model {

// [{"name", "listen", "profile", "strict_names", "certificates": [{"certificate", "key", "ocsp", "acme"}],
// "routes": [{"names", "service", "port", "pass_through", "alpn", "proxy_protocol"}]}]
boost::json::array to_json(const EdgeListeners& listeners);
base::Result<EdgeListeners> edge_from_json(const boost::json::value& value, const std::string& where);

boost::json::object to_json(const EdgeRoute& route);

}  // namespace meshd::model
