// SPDX-License-Identifier: Apache-2.0
// Bytes on their way from one socket to another that this process does not look at: splice(2) through a pipe. It is empty again
// after each move, so one does for all connections of a thread.
#pragma once

#include <cstddef>
#include <span>

#include <sys/types.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::base {

class SplicePipe {
public:
    // `size`: of what may be in it; the kernel may give less.
    static Result<SplicePipe> make(std::size_t size);

    [[nodiscard]] std::size_t held() const { return held_; }
    // From a socket, at most what there is room for, without waiting; answers as recv(2).
    ssize_t fill(int from);
    // To a socket, as much as it takes without waiting; answers as send(2), but raises SIGPIPE.
    ssize_t drain(int to);
    // What is held comes out here; fewer bytes than `into` has: that was all.
    std::size_t take(std::span<char> into);

private:
    SplicePipe() = default;

    UniqueFd in_, out_;
    std::size_t size_ = 0;
    std::size_t held_ = 0;
};

}  // namespace meshd::base
