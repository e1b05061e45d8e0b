// SPDX-License-Identifier: Apache-2.0
// Kinds of keys that workers accept of each other, and that the built-in authority makes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace meshd::tls {

enum class KeyKind : std::uint8_t { ec_p256, ec_p384, ed25519, rsa_2048, rsa_3072 };

// By KeyKind, as people write them.
inline constexpr std::array<std::string_view, 5> key_kinds{"ec-p256", "ec-p384", "ed25519", "rsa-2048", "rsa-3072"};

}  // namespace meshd::tls
