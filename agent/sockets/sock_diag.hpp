// SPDX-License-Identifier: Apache-2.0
// sock_diag(7) in one network namespace: lists its sockets, and ends some. For any one thread.
#pragma once

#include <functional>
#include <optional>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "sockets/diag_message.hpp"

namespace meshd::sockets {

class SockDiag {
public:
    // For the network namespace that the calling thread is in; it may leave it then.
    static base::Result<SockDiag> open();

    // Each socket that an application has connected.
    [[nodiscard]] base::Result<void> list(std::uint8_t family, std::uint8_t protocol, std::optional<int> storage_fd,
                                          const std::function<void(const DiagSocket&)>& visit) const;

    // Its application's next call fails with ECONNABORTED, and the peer of a TCP connection gets RST. False: it is not there any
    // more.
    [[nodiscard]] base::Result<bool> destroy(std::uint8_t family, std::uint8_t protocol, const inet_diag_sockid& id) const;

private:
    explicit SockDiag(base::UniqueFd fd) : fd_(std::move(fd)) {}
    [[nodiscard]] base::Result<int> ask(const std::vector<std::byte>& request, const char* what,
                                        const std::function<void(const DiagSocket&)>& visit) const;  // errno of the answer

    base::UniqueFd fd_;
};

}  // namespace meshd::sockets
