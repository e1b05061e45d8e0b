// SPDX-License-Identifier: Apache-2.0
// apply(): runs a plan against the maps and keeps the picture of them right, whatever fails on the way.
#pragma once

#include <map>
#include <string>

#include "reconcile/maps.hpp"

namespace meshd::reconcile {

struct ApplyResult {
    std::size_t done = 0;
    std::map<std::string, std::string> failed;  // service of the registry, and the first reason
};

// After an operation of a service failed, its later ones are not tried: they rest on it. A table or a backend that is still in
// use since some other operation failed is left where it is. `realized` follows what was really done.
ApplyResult apply(Maps& maps, RealizedState& realized, const Plan& plan);

// "web:80/tcp" -> "web"
std::string service_name(const std::string& port_key);

}  // namespace meshd::reconcile
