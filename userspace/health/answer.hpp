// SPDX-License-Identifier: Apache-2.0
// Whether an answer of HTTP, of whatever version, is as the probe wants it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "health/conversation.hpp"

namespace meshd::health {

class Answer {
public:
    explicit Answer(const model::Probe& probe) : probe_(probe) {}

    // In this order. Each tells as soon as there is nothing more to learn: who wants no body does not wait for one.
    std::optional<Finding> take_status(unsigned status) const;
    std::optional<Finding> take_body(std::string_view bytes);
    [[nodiscard]] Finding end() const;  // of the body, as the server announced it

private:
    const model::Probe& probe_;
    std::string body_;
};

}  // namespace meshd::health
