// SPDX-License-Identifier: Apache-2.0
// What it means for a registry that no answer of HTTP came.
#pragma once

#include "registry/intake.hpp"
#include "web/async_client.hpp"

namespace meshd::registry {

inline Failure failure_of(web::AsyncError::Kind kind) {
    switch (kind) {
        case web::AsyncError::Kind::timeout:
            return Failure::timeout;
        case web::AsyncError::Kind::untrusted:
            return Failure::untrusted;
        case web::AsyncError::Kind::malformed:
            return Failure::malformed;
        case web::AsyncError::Kind::settings:
            return Failure::settings;
        case web::AsyncError::Kind::unreachable:
            break;
    }
    return Failure::unreachable;
}

}  // namespace meshd::registry
