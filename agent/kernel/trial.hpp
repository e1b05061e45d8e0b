// SPDX-License-Identifier: Apache-2.0
// A second, small copy of the short way's programs and maps, to try out what the running kernel does with them. Nothing of it is
// pinned, and it sees the sockets of one cgroup only: all of it is gone with the object.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "kernel/cgroup.hpp"
#include "meshd/abi.h"

struct meshd_bpf;

namespace meshd::kernel {

class Trial {
public:
    // How the bytes that wait for a reader are known: see md_acceleration.counted.
    enum class Waiting : std::uint8_t { charged, counted };

    // Loads the programs and attaches them to `cgroup`. Nothing takes the short way before decide().
    static base::Result<Trial> open(const Cgroup& cgroup, Waiting waiting);

    Trial(Trial&&) noexcept;
    Trial& operator=(Trial&&) noexcept;
    ~Trial();

    base::Result<void> decide(const md_acceleration& value);

    [[nodiscard]] base::Result<std::uint64_t> count(md_reason reason) const;
    // By the cookie of the client's socket. Fails when there is no such pair.
    [[nodiscard]] base::Result<md_pair> pair(std::uint64_t id) const;
    // What the reader of an end took; 0 when nothing was counted.
    [[nodiscard]] std::uint64_t consumed(const md_end& end) const;

    [[nodiscard]] base::Result<md_look_at_pair> look(std::uint64_t pair, std::uint32_t take_out) const;
    base::Result<void> leave(std::uint64_t pair);

private:
    struct Close {
        void operator()(meshd_bpf* skeleton) const;
    };
    explicit Trial(meshd_bpf* skeleton) : skeleton_(skeleton) {}

    std::unique_ptr<meshd_bpf, Close> skeleton_;
    base::UniqueFd sockops_;  // links
    base::UniqueFd consumed_;
};

}  // namespace meshd::kernel
