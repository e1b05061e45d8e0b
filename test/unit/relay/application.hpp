// SPDX-License-Identifier: Apache-2.0
// Applications at both ends of a relay: blocking sockets on loopback, which wait ten seconds and no longer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/unique_fd.hpp"

namespace meshd::relay {

class Application {
public:
    Application() = default;
    explicit Application(base::UniqueFd fd);
    static Application connect(const base::SocketAddress& target);

    [[nodiscard]] int fd() const { return fd_.get(); }
    void say(std::string_view bytes) const;                  // all of it
    [[nodiscard]] std::string hear(std::size_t size) const;  // as many bytes, or fewer before an end
    enum class End : std::uint8_t { fin, reset, none };
    [[nodiscard]] End hear_end() const;     // drops what comes before it
    [[nodiscard]] bool has_failed() const;  // a reset has come, be it after an end
    void finish() const;                    // FIN, and goes on reading
    void close() { fd_.reset(); }
    void reset();  // RST

private:
    base::UniqueFd fd_;
};

class TestListener {
public:
    explicit TestListener(const char* address = "127.0.0.1", bool reuses_port = false, std::uint16_t port = 0);
    [[nodiscard]] base::SocketAddress address() const;
    [[nodiscard]] Application accept() const;
    [[nodiscard]] bool has_waiting(int timeout_ms) const;
    base::UniqueFd release() { return std::move(fd_); }

private:
    base::UniqueFd fd_;
};

}  // namespace meshd::relay
