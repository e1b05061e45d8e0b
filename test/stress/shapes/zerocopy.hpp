// SPDX-License-Identifier: Apache-2.0
// MSG_ZEROCOPY: the kernel sends from the program's own memory and says on the error queue when it is done with it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <sys/types.h>

#include "connection.hpp"

namespace meshd::shapes {

class Zerocopy {
public:
    explicit Zerocopy(Connection& connection);

    ssize_t send(std::span<const unsigned char> bytes);

    // The kernel may use what was sent from until its completion, which on one host comes when the reader has taken the bytes: a
    // writer that waited after each message would wait for a reader that waits for the next one.
    void keep(std::vector<unsigned char> message);

    // Until the kernel is done with everything. None more than a second after the other end has read all is a stall.
    void settle();

private:
    void drain();

    Connection& connection_;
    std::uint64_t sent_ = 0;
    std::uint64_t completed_ = 0;
    std::vector<std::vector<unsigned char>> kept_;
};

}  // namespace meshd::shapes
