// SPDX-License-Identifier: Apache-2.0
// loadBalancerSourceRanges as rules of the policy. Pure.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "model/policy.hpp"
#include "registry/kubernetes/objects.hpp"

namespace meshd::registry::kubernetes {

// For each address of its load balancer and each port: the ranges are let in, all others are denied. Where ranges of one family
// alone are given, addresses of the other let nobody in.
base::Result<std::vector<model::Rule>> source_range_rules(const Service& service);

}  // namespace meshd::registry::kubernetes
