// SPDX-License-Identifier: Apache-2.0
// Who may reach which service, by what a certificate says (docs/policy.md): rules whose source is an identity. They are looked at
// by the worker of the backend's host, when a connection from another host comes in. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/policy.hpp"

namespace meshd::model {

inline constexpr std::size_t max_identity_length = 2048;  // bytes, SPIFFE-ID 2.3

// "spiffe://example.org/shop/web", with "*" in place of one part of the path, or "**" in place of all that follow.
bool is_identity_pattern(std::string_view text);
bool matches_identity(std::string_view pattern, std::string_view identity);

// Those rules of a policy that name an identity, the most specific first.
class Authorization {
public:
    Authorization() = default;
    // Of `rules` those that name one. `audit`: what would be denied is allowed, and told.
    Authorization(const std::vector<Rule>& rules, bool audit);

    struct Decision {
        bool is_allowed = true;
        bool is_audited = false;     // it would have been denied
        const Rule* rule = nullptr;  // that decided; null: none names this identity and service
    };
    // `port`: of the service, as the application names it.
    [[nodiscard]] Decision decide(std::string_view identity, std::string_view service, std::uint16_t port) const;

    // Those that match, the one that decides first.
    [[nodiscard]] std::vector<const Rule*> matching(std::string_view identity, std::string_view service,
                                                    std::uint16_t port) const;

    [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }
    bool operator==(const Authorization&) const = default;

private:
    std::vector<Rule> rules_;
    bool audit_ = false;
};

}  // namespace meshd::model
