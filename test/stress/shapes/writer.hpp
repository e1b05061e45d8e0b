// SPDX-License-Identifier: Apache-2.0
// Sends messages in each of the ways that there are.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/unique_fd.hpp"
#include "connection.hpp"
#include "content.hpp"
#include "readiness.hpp"
#include "ring.hpp"
#include "take.hpp"
#include "zerocopy.hpp"

namespace meshd::shapes {

class Writer {
public:
    explicit Writer(Connection& connection);

    bool write(std::size_t count);  // one message; false: there is no going on
    void finish();                  // after the last: until the kernel needs nothing of ours

    [[nodiscard]] std::uint64_t position() const { return position_; }

private:
    void prepare(std::size_t count);
    bool send_all(std::size_t count);
    ssize_t put(std::span<const unsigned char> bytes);  // one call
    ssize_t gather(std::span<const unsigned char> bytes);
    ssize_t many_messages(std::span<const unsigned char> bytes);
    ssize_t from_file(std::size_t count);
    ssize_t through_pipe(std::span<const unsigned char> bytes);
    void cork(bool wanted);

    Connection& connection_;
    const Content content_;
    Readiness readiness_;
    std::vector<unsigned char> message_;
    std::uint64_t position_ = 0;
    std::unique_ptr<Ring> ring_;
    std::unique_ptr<Zerocopy> zerocopy_;
    base::UniqueFd file_;  // the message, for sendfile
    std::unique_ptr<Pipe> pipe_;
    std::size_t in_pipe_ = 0;
};

}  // namespace meshd::shapes
