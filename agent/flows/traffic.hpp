// SPDX-License-Identifier: Apache-2.0
// What went to each backend, as the control socket and the metrics show it.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "flows/totaller.hpp"

namespace meshd::flows {

boost::json::object totals_json(const Totals& totals, const Names& names);

// As metric_families(): per service and backend, but no more than `most_backends` of them: the others are added up under the
// backend "other". Times are per service.
boost::json::array totals_families(const Totals& totals, const Names& names, std::size_t most_backends);

}  // namespace meshd::flows
