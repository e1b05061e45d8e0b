// SPDX-License-Identifier: Apache-2.0
#include "relay/edge.hpp"

namespace meshd::relay {

std::string_view name(EdgeRefusal refusal) {
    static constexpr std::array<std::string_view, edge_refusals> names{"no_route", "no_certificate", "no_service", "unreachable",
                                                                       "crowded"};
    return names.at(static_cast<std::size_t>(refusal));
}

}  // namespace meshd::relay
