// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "meshd/tls.h"
#include "relay/engine.hpp"

namespace meshd::relay {

namespace {

base::SocketAddress from_kernel(const md_endpoint& endpoint) {
    base::SocketAddress address;
    std::copy_n(endpoint.address.bytes, address.address.bytes.size(), address.address.bytes.begin());
    address.port = ntohs(endpoint.port);
    return address;
}

}  // namespace

base::Result<Steered> ask_kernel(int accepted) {
    md_steered steered{};
    socklen_t size = sizeof steered;
    if (::getsockopt(accepted, MD_SOL_MESHD, MD_SO_STEERED, &steered, &size) != 0)
        return base::fail_errno("learn where to send", "a connection",
                                "only connections that meshd's programs steer may come here");
    if (size != sizeof steered)
        return base::fail({"learn where to send", "a connection", 0, "the kernel's answer has another size",
                           "let agent and worker be of one version"});
    return Steered{from_kernel(steered.service), from_kernel(steered.backend), steered.identity};
}

}  // namespace meshd::relay
