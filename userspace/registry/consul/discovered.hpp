// SPDX-License-Identifier: Apache-2.0
// Services that have an address of their own in Consul. Pure.
#pragma once

#include <optional>
#include <string>

#include "registry/consul/answers.hpp"

namespace meshd::registry::consul {

// The service that its instances give the tagged address "virtual" to; nothing when none of them does. Several addresses are
// addresses of one service, as while it moves from one to another; its port and protocol must be the same everywhere.
base::Result<std::optional<model::Service>> discovered(const std::string& name, const Instances& instances);

}  // namespace meshd::registry::consul
