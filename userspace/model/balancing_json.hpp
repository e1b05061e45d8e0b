// SPDX-License-Identifier: Apache-2.0
// What service_json.hpp says of the balancing of a service.
#pragma once

#include <string>

#include <boost/json/fwd.hpp>

#include "base/error.hpp"
#include "model/service.hpp"

namespace meshd::model {

// "balancing": the policy's name; "balancing_options": what differs from the defaults; "subsets". The latter two are not written
// when there is nothing to say.
void balancing_to_json(const Service& service, boost::json::object& object);
base::Result<void> balancing_from_json(const boost::json::object& object, Service& service);

// "labels" of a backend, not written when there are none.
void labels_to_json(const Labels& labels, boost::json::object& object);
base::Result<void> labels_from_json(const boost::json::object& object, const std::string& where, Labels& labels);

}  // namespace meshd::model
