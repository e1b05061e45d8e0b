// SPDX-License-Identifier: Apache-2.0
// The JSON forms of model/tls.hpp. The decoders believe nothing and name the field that breaks a rule.
#pragma once

#include <string>

#include <boost/json/fwd.hpp>

#include "base/error.hpp"
#include "model/tls.hpp"

namespace meshd::model {

// {"mode": "mutual", "accept", "same_node"}
boost::json::object to_json(const ServiceTls& tls);
base::Result<ServiceTls> service_tls_from_json(const boost::json::value& value, const std::string& where);

// {"credentials": [{"name", "authorities", "certificate", "key"}], "outbound_port"}
boost::json::object to_json(const NodeOrigination& origination);
base::Result<NodeOrigination> node_origination_from_json(const boost::json::value& value, const std::string& where);

// {"trust_domain", "authorities", "revoked", "certificate", "key", "identities": [{"name", "workload", "unit", "user",
// "certificate", "key"}], "inbound_port", "outbound_port", "threads"}
boost::json::object to_json(const NodeTls& tls);
base::Result<NodeTls> node_tls_from_json(const boost::json::value& value, const std::string& where);

}  // namespace meshd::model
