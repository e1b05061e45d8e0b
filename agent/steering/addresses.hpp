// SPDX-License-Identifier: Apache-2.0
// Which addresses are this host's, and which of them sockets of other network namespaces are led to.
#pragma once

#include <optional>
#include <set>

#include "base/address.hpp"
#include "base/error.hpp"
#include "model/service.hpp"

namespace meshd::steering {

using Addresses = std::set<base::IpAddress>;

base::Result<Addresses> own_addresses();

// Whether a backend is served by this host's worker: `host` says so where it is given, else the backend's own address.
bool is_here(const model::Backend& backend, const Addresses& own);

// The address that this host has for the way out; without one, the first of the family that others can reach. Nothing: none.
std::optional<base::IpAddress> node_address(const Addresses& own, bool v4);

}  // namespace meshd::steering
