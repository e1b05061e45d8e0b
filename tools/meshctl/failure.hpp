// SPDX-License-Identifier: Apache-2.0
// How a command ends when it cannot do what it was asked.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "base/error.hpp"

namespace meshd::meshctl {

// Documented in meshctl(1): scripts rely on them.
enum class ExitCode : int { done = 0, failed = 1, usage = 2, not_reachable = 3, not_healthy = 4 };

struct Failure {
    ExitCode code = ExitCode::failed;
    std::string message;
    std::string remedy;                // what to do next, may be empty
    std::vector<std::string> details;  // one a line, between the two
};

template <typename T>
using Result = tl::expected<T, Failure>;

inline tl::unexpected<Failure> fail(ExitCode code, std::string message, std::string remedy = {}) {
    return tl::make_unexpected(Failure{code, std::move(message), std::move(remedy), {}});
}

inline tl::unexpected<Failure> fail(base::Error error) {
    auto remedy = std::exchange(error.remedy, {});
    return fail(ExitCode::failed, error.message(), std::move(remedy));
}

}  // namespace meshd::meshctl
