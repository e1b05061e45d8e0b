// SPDX-License-Identifier: Apache-2.0
// Which removals are too large to be believed at once.
#pragma once

#include <cstdint>
#include <span>

#include "model/service.hpp"

namespace meshd::registry {

// How many backends an answer takes away from those that take connections. One that was in another state than ready was leaving
// already; one that comes makes up for one that goes.
struct Loss {
    std::size_t before = 0;  // backends that were ready
    std::size_t lost = 0;    // of them, less those that are new; never more than before

    [[nodiscard]] std::size_t after() const { return before - lost; }
    Loss& operator+=(const Loss& other);
};

Loss loss(std::span<const model::Backend> before, std::span<const model::Backend> after);
Loss loss(const model::Service* before, const model::Service* after);  // over all ports; null: there is no such service

// `share` in percent. With 100 nothing is too much.
bool is_too_much(const Loss& loss, std::uint32_t share);

}  // namespace meshd::registry
