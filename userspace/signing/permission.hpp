// SPDX-License-Identifier: Apache-2.0
// Who may have a certificate of which identity. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/tls.hpp"

namespace meshd::signing {

// `node`: what the certificate says that the asker has shown.
bool may_have(const std::vector<model::SigningRule>& rules, const std::string& node, const std::string& wanted);

}  // namespace meshd::signing
