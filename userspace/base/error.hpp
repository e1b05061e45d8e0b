// SPDX-License-Identifier: Apache-2.0
// Errors are values: what was tried, on what, why it failed and what to do about it. They are made where the failure is known,
// handed up unchanged, and printed once, at the top.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace meshd::base {

struct Error {
    std::string operation;  // what was tried, as an infinitive: "open", "attach connect4 to"
    std::string object;     // on what: a path, a map's name, FILE:LINE:COLUMN
    int code = 0;           // errno, 0 when no system call failed
    std::string detail;     // why, when errno does not tell it
    std::string remedy;     // what the reader can do, may be empty

    // "cannot OPERATION OBJECT: WHY; REMEDY"
    [[nodiscard]] std::string message() const {
        std::string text = "cannot " + operation;
        if (!object.empty()) text += " " + object;
        if (!detail.empty()) text += ": " + detail;
        if (code != 0) text += std::string(detail.empty() ? ": " : " (") + std::strerror(code) + (detail.empty() ? "" : ")");
        if (!remedy.empty()) text += "; " + remedy;
        return text;
    }
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) { return tl::make_unexpected(std::move(error)); }

// For a failed system call: call it before anything else can change errno.
inline tl::unexpected<Error> fail_errno(std::string_view operation, std::string_view object, std::string_view remedy = {}) {
    return fail({std::string(operation), std::string(object), errno, {}, std::string(remedy)});
}

}  // namespace meshd::base
