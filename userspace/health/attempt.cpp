// SPDX-License-Identifier: Apache-2.0
#include "health/attempt.hpp"

namespace meshd::health {

std::unique_ptr<Attempt> begin_attempt(boost::asio::io_context& context, tls::TrustStore& trust, const model::Probe& probe,
                                       const base::SocketAddress& endpoint, const Dial* dial, Done done) {
    if (probe.type == model::ProbeType::exec) return begin_command_attempt(context, probe, endpoint, std::move(done));
    return begin_network_attempt(context, trust, probe, endpoint, dial, std::move(done));
}

}  // namespace meshd::health
