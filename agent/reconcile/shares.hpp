// SPDX-License-Identifier: Apache-2.0
// Who of the usable backends is chosen from, how near they are, and what share each gets: subsets and localities.
#pragma once

#include <string_view>
#include <vector>

#include "model/service.hpp"
#include "reconcile/table.hpp"

namespace meshd::reconcile {

// `usable`: those of the port's backends that new connections may be given, by their own weights. Leaves out who is in no subset
// of the service, sets weights so that each subset has its share, and tells who is near to a node of this locality.
std::vector<Candidate> share_out(std::vector<Candidate> usable, const model::Service& service, const model::ServicePort& port,
                                 std::string_view locality);

}  // namespace meshd::reconcile
