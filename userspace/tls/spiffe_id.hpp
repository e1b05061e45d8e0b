// SPDX-License-Identifier: Apache-2.0
// The name of a workload: "spiffe://example.org/shop/web" (SPIFFE-ID, 2).
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace meshd::tls {

inline constexpr std::size_t max_spiffe_id_bytes = 2048;

struct SpiffeId {
    std::string trust_domain;  // "example.org"
    std::string path;          // "/shop/web"; empty: the trust domain itself, which no workload may have as its name

    // An error says in some words what is not allowed.
    static tl::expected<SpiffeId, std::string> parse(std::string_view text);

    [[nodiscard]] std::string text() const;
    bool operator==(const SpiffeId&) const = default;
};

}  // namespace meshd::tls
