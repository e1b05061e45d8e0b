// SPDX-License-Identifier: Apache-2.0
// What balancing looks at of one backend, for people.
#pragma once

#include <boost/json/object.hpp>

#include "app/context.hpp"

namespace meshd::app {

// Whether a backend has near slots (see md_table), where the service asks for that.
bool is_near(const reconcile::KernelService& service, std::uint32_t backend_id);

// "open", "score" (null where the policy has none) and "near". `service`: as it stands in the maps; nullptr: not there.
void add_score(const Context& context, const reconcile::KernelService* service, std::uint32_t backend_id, std::uint16_t weight,
               boost::json::object& row);

// "open", "connect_us", "response_us" and "failures".
void add_vitals(const Context& context, std::uint32_t backend_id, boost::json::object& row);

}  // namespace meshd::app
