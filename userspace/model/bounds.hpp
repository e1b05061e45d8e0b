// SPDX-License-Identifier: Apache-2.0
// What this node's configuration allows services to be, whatever registries say.
#pragma once

#include <string>
#include <vector>

#include "base/prefix.hpp"
#include "model/service.hpp"

namespace meshd::model {

struct Bounds {
    std::vector<base::Prefix> addresses;  // of services; none: any
    std::vector<base::Prefix> backends;   // their addresses and those of their hosts; none: any

    // Empty: it lies within. Else what of it does not, and which bound that is.
    [[nodiscard]] std::string why_outside(const Service& service) const;

    bool operator==(const Bounds&) const = default;
};

}  // namespace meshd::model
