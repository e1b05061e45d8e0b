// SPDX-License-Identifier: Apache-2.0
// Tokens for nodes that have no certificate yet.
#pragma once

#include "command.hpp"

namespace meshd::meshctl {

void add_ca_token(CLI::App& noun, Program& program);

}  // namespace meshd::meshctl
