// SPDX-License-Identifier: Apache-2.0
// The keys of session tickets (RFC 5077) that a server hands out: one for all threads, and another every twelve hours. Private to
// this library.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

#include <openssl/ssl.h>

namespace meshd::tls {

class TicketKeys {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::hours longest_use{12};  // for new tickets; those of before are taken as long again

    explicit TicketKeys(std::function<Clock::time_point()> now = Clock::now) : now_(std::move(now)) {}

    // The context must not outlive this.
    void serve(SSL_CTX* context);

private:
    struct Key {
        std::array<unsigned char, 16> name{};
        std::array<unsigned char, 32> cipher{}, mac{};
        Clock::time_point made;
    };
    static int protect(SSL* session, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                       int is_new);
    std::optional<Key> for_new();
    std::optional<Key> named(const unsigned char* name, bool& is_newest);

    std::function<Clock::time_point()> now_;
    std::mutex mutex_;
    std::optional<Key> newest_, before_;  // under the mutex
};

}  // namespace meshd::tls
