// SPDX-License-Identifier: Apache-2.0
#include "relay/thread_figures.hpp"

namespace meshd::relay {

void ThreadFigures::add_to(Figures& sum) const {
    for (std::size_t i = 0; i < directions.size(); ++i) {
        const auto& from = directions[i];
        auto& to = sum.directions[i];
        for (std::size_t result = 0; result < from.handshakes.size(); ++result)
            to.handshakes[result] += from.handshakes[result].get();
        to.resumed += from.resumed.get();
        to.open += from.open.get();
        to.relayed += from.relayed.get();
        to.refused += from.refused.get();
        to.denied += from.denied.get();
        to.audited += from.audited.get();
        to.reset += from.reset.get();
        to.bytes_in += from.bytes_in.get();
        to.bytes_out += from.bytes_out.get();
        to.kernel_receives += from.kernel_receives.get();
        to.kernel_transmits += from.kernel_transmits.get();
        to.kernel_failures += from.kernel_failures.get();
        to.spliced += from.spliced.get();
    }
    for (std::size_t i = 0; i < edge_refused.size(); ++i) sum.edge_refused[i] += edge_refused[i].get();
    sum.pool_hits += pool_hits.get();
    sum.pool_misses += pool_misses.get();
    sum.pool_ready += pool_ready.get();
    sum.in_use += in_use.get();
}

}  // namespace meshd::relay
