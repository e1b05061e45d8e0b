// SPDX-License-Identifier: Apache-2.0
#include "model/bounds.hpp"

#include <algorithm>

namespace meshd::model {

namespace {

bool is_within(const std::vector<base::Prefix>& ranges, const base::IpAddress& address) {
    return ranges.empty() ||
           std::any_of(ranges.begin(), ranges.end(), [&](const base::Prefix& range) { return range.contains(address); });
}

}  // namespace

std::string Bounds::why_outside(const Service& service) const {
    for (const auto& address : service.addresses)
        if (!is_within(addresses, address)) return "its address " + address.text() + " is not within bounds.addresses";
    for (const auto& port : service.ports)
        for (const auto& backend : port.backends) {
            if (!is_within(backends, backend.endpoint.address))
                return "backend " + backend.endpoint.text() + " is not within bounds.backends";
            if (backend.host && !is_within(backends, *backend.host))
                return "the host " + backend.host->text() + " of backend " + backend.endpoint.text() +
                       " is not within bounds.backends";
        }
    return {};
}

}  // namespace meshd::model
