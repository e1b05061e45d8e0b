// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/array.hpp>

#include "app/context.hpp"

namespace meshd::app {

// What the policy decided, for at most so many rules: those that decided most. The rest is one sample, rule="".
inline constexpr std::size_t max_rule_samples = 200;

void add_policy(const Context& context, boost::json::array& families);
void add_limits(const Context& context, boost::json::array& families);

}  // namespace meshd::app
