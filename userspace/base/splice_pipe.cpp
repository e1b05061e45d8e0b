// SPDX-License-Identifier: Apache-2.0
#include "base/splice_pipe.hpp"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace meshd::base {

Result<SplicePipe> SplicePipe::make(std::size_t size) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno("make", "a pipe");
    SplicePipe pipe;
    pipe.out_ = UniqueFd(ends[0]);
    pipe.in_ = UniqueFd(ends[1]);
    // Best effort: a user may have so many pages in pipes and no more (pipe(7)).
    (void)::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(size));
    const int got = ::fcntl(ends[1], F_GETPIPE_SZ);
    if (got <= 0) return fail_errno("ask for the size of", "a pipe");
    pipe.size_ = static_cast<std::size_t>(got);
    return pipe;
}

ssize_t SplicePipe::fill(int from) {
    const auto size =
        ::splice(from, nullptr, in_.get(), nullptr, size_ - std::min(size_, held_), SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (size > 0) held_ += static_cast<std::size_t>(size);
    return size;
}

ssize_t SplicePipe::drain(int to) {
    const auto size = ::splice(out_.get(), nullptr, to, nullptr, held_, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (size > 0) held_ -= static_cast<std::size_t>(size);
    return size;
}

std::size_t SplicePipe::take(std::span<char> into) {
    const auto size = ::read(out_.get(), into.data(), into.size());
    if (size <= 0) return 0;
    held_ -= static_cast<std::size_t>(size);
    return static_cast<std::size_t>(size);
}

}  // namespace meshd::base
