// SPDX-License-Identifier: Apache-2.0
// Pods as the worker tells them to the agent.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "model/pod.hpp"

namespace meshd::model {

boost::json::object to_json(const Pod& pod);
// Believes nothing: see why_no_pod().
base::Result<Pod> pod_from_json(const boost::json::value& value, const std::string& where);

}  // namespace meshd::model
