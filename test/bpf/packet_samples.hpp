// SPDX-License-Identifier: Apache-2.0
// What tests of packets send, and what they serve.
#pragma once

#include "bpf/packet_lab.hpp"

namespace meshd::packet {

inline Bytes payload(std::size_t size) { return Bytes(size, 'x'); }

inline Description udp(Description what = {}) {
    what.protocol = IPPROTO_UDP;
    what.flags = 0;
    return what;
}

inline Service four_backends() {
    return {.backends = {{11, "10.1.0.11", 8080}, {12, "10.1.0.12", 8080}, {13, "10.1.0.13", 8080}, {14, "10.1.0.14", 8080}}};
}

}  // namespace meshd::packet
