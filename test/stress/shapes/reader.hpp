// SPDX-License-Identifier: Apache-2.0
// Takes what the other side sends, at its own pace, and checks every byte.
#pragma once

#include <vector>

#include "connection.hpp"
#include "content.hpp"
#include "readiness.hpp"
#include "take.hpp"

namespace meshd::shapes {

class Reader {
public:
    explicit Reader(Connection& connection);

    bool read(std::uint64_t count);  // exactly so many; false: there is no going on
    void read_end();                 // and then nothing more

private:
    ssize_t next(std::size_t limit);  // bytes; 0: the end; -1: errno, or given up
    void keep_pace();
    void set_low_water(std::uint64_t expected);

    Connection& connection_;
    const Content content_;
    Readiness readiness_;
    Take take_;
    std::vector<unsigned char> room_;
    std::uint64_t position_ = 0;
    std::uint32_t pauses_left_;
    bool has_begun_ = false;
};

}  // namespace meshd::shapes
