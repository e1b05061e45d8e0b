// SPDX-License-Identifier: Apache-2.0
#include "model/registries.hpp"

#include <algorithm>

namespace meshd::model {

std::string_view name(ConsulReads reads) { return consul_reads.at(static_cast<std::size_t>(reads)); }

std::optional<ConsulReads> parse_consul_reads(std::string_view text) {
    const auto* const found = std::find(consul_reads.begin(), consul_reads.end(), text);
    if (found == consul_reads.end()) return std::nullopt;
    return static_cast<ConsulReads>(found - consul_reads.begin());
}

}  // namespace meshd::model
