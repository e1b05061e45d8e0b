// SPDX-License-Identifier: Apache-2.0
// Ends sockets by programs at the kernel's lists of them (bpf/end_sockets.bpf.c). For any one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_set>

#include "base/error.hpp"

struct end_sockets_bpf;

namespace meshd::kernel {

class SocketEnder {
public:
    // Fails where the kernel has no bpf_sock_destroy() (Linux 6.5), or does not let such programs be loaded.
    static base::Result<SocketEnder> load();

    SocketEnder(SocketEnder&&) noexcept;
    SocketEnder& operator=(SocketEnder&&) noexcept;
    ~SocketEnder();

    // Of the network namespace that the calling thread is in: which of these sockets, known by their cookies, there were and were
    // ended. Their application's next call fails with ECONNABORTED, and the peer of a TCP connection gets RST. It takes as long
    // as there are sockets of this protocol.
    [[nodiscard]] base::Result<std::unordered_set<std::uint64_t>> end(std::uint8_t protocol,
                                                                      std::span<const std::uint64_t> cookies) const;

private:
    struct Close {
        void operator()(end_sockets_bpf* skeleton) const;
    };
    explicit SocketEnder(end_sockets_bpf* skeleton);
    [[nodiscard]] base::Result<void> end_some(std::uint8_t protocol, std::span<const std::uint64_t> cookies,
                                              std::unordered_set<std::uint64_t>& ended) const;
    [[nodiscard]] base::Result<void> run(std::uint8_t protocol) const;

    std::unique_ptr<end_sockets_bpf, Close> skeleton_;
};

}  // namespace meshd::kernel
