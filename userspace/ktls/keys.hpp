// SPDX-License-Identifier: Apache-2.0
// What the kernel must know to protect one way of a TLS 1.3 connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace meshd::ktls {

enum class Way : std::uint8_t { transmit, receive };

enum class Cipher : std::uint8_t { aes_128_gcm, aes_256_gcm, chacha20_poly1305 };
inline constexpr std::array<Cipher, 3> ciphers{Cipher::aes_128_gcm, Cipher::aes_256_gcm, Cipher::chacha20_poly1305};
constexpr std::string_view name(Cipher cipher) {
    constexpr std::array<std::string_view, 3> names{"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
    return names.at(static_cast<std::size_t>(cipher));
}
constexpr std::size_t key_size(Cipher cipher) { return cipher == Cipher::aes_128_gcm ? 16 : 32; }

struct Keys {
    Cipher cipher = Cipher::aes_128_gcm;
    std::array<unsigned char, 32> key{};  // as much of it as the cipher takes
    std::array<unsigned char, 12> iv{};
    std::uint64_t sequence = 0;  // of the next record
};

// RFC 8446, 5.1.
inline constexpr std::uint8_t alert_record = 21, handshake_record = 22, data_record = 23;

}  // namespace meshd::ktls
