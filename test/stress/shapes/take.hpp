// SPDX-License-Identifier: Apache-2.0
// One call that takes bytes out of a socket, in each of the ways that there are.
#pragma once

#include <memory>
#include <span>

#include <sys/types.h>

#include "base/unique_fd.hpp"
#include "connection.hpp"
#include "content.hpp"
#include "ring.hpp"

namespace meshd::shapes {

struct Pipe {
    Pipe();

    static constexpr std::size_t capacity = 65536;

    base::UniqueFd in;   // what is written here
    base::UniqueFd out;  // is read here
};

class Take {
public:
    Take(Connection& connection, const Content& content);

    // Bytes are in `room` from its beginning. 0: the end; -1: errno. `position`: that of the first byte, for those that look
    // twice.
    ssize_t operator()(std::span<unsigned char> room, std::uint64_t position);

private:
    ssize_t peek_then_recv(std::span<unsigned char> room, std::uint64_t position);
    ssize_t wait_for_all(std::span<unsigned char> room, std::uint64_t position);
    ssize_t many_messages(std::span<unsigned char> room);
    ssize_t scatter(std::span<unsigned char> room);
    ssize_t through_pipe(std::span<unsigned char> room);

    Connection& connection_;
    const Content& content_;
    std::unique_ptr<Pipe> pipe_;
    std::unique_ptr<Ring> ring_;
};

}  // namespace meshd::shapes
