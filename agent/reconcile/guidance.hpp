// SPDX-License-Identifier: Apache-2.0
// What programs look at besides a service's table when they choose a backend.
#pragma once

#include <optional>

#include "meshd/abi.h"
#include "model/service.hpp"

namespace meshd::reconcile {

// `usable`: how many backends of the port new connections may be given. `panic`: none of them is passed over. Nothing: the table
// says it all.
std::optional<md_balancing> guidance_of(const model::Service& service, std::size_t usable, bool panic = false);

// What a table says of it.
std::uint8_t guided_of(const model::Service& service, const std::optional<md_balancing>& guidance);

md_pick pick_of(model::Balancing balancing);

}  // namespace meshd::reconcile
