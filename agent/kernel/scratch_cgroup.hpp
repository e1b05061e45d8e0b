// SPDX-License-Identifier: Apache-2.0
// A cgroup for as long as something is tried out, below the one that the agent serves.
#pragma once

#include <optional>
#include <string>

#include "base/error.hpp"
#include "kernel/cgroup.hpp"

namespace meshd::kernel {

class ScratchCgroup {
public:
    // `below`: a directory of cgroup v2, or "auto". Removes what agents that are no more left there.
    static base::Result<ScratchCgroup> make(const std::string& below);

    ScratchCgroup(ScratchCgroup&& other) noexcept;
    ScratchCgroup& operator=(ScratchCgroup&&) = delete;
    // Processes that entered must have ended.
    ~ScratchCgroup();

    [[nodiscard]] const Cgroup& cgroup() const { return *cgroup_; }
    // Moves the calling process into it.
    [[nodiscard]] base::Result<void> enter() const;

private:
    explicit ScratchCgroup(std::string path) : path_(std::move(path)) {}

    std::string path_;  // empty: moved from
    std::optional<Cgroup> cgroup_;
};

}  // namespace meshd::kernel
