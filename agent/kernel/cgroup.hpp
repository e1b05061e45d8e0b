// SPDX-License-Identifier: Apache-2.0
// The cgroup v2 hierarchy, and who else has programs attached to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <linux/bpf.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::kernel {

// Where cgroup v2 is mounted, from /proc/self/mountinfo: on a hybrid host it is not /sys/fs/cgroup.
base::Result<std::string> cgroup_mount();

// The directory of the one that this process is in; empty: the kernel does not say.
std::string own_cgroup(const std::string& mount);

class Cgroup {
public:
    // "auto": the mount point, and so every process of the host.
    static base::Result<Cgroup> open(const std::string& path);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }  // as the kernel reports it for links

    // The program that keeps others from attaching here: one that was attached exclusively, here or to a parent.
    // In words: "program 'x' (id 7), attached exclusively to /sys/fs/cgroup"; nothing when there is none.
    [[nodiscard]] std::optional<std::string> blocker(bpf_attach_type type) const;

private:
    Cgroup(base::UniqueFd fd, std::string path, std::uint64_t id) : fd_(std::move(fd)), path_(std::move(path)), id_(id) {}

    base::UniqueFd fd_;
    std::string path_;
    std::uint64_t id_;
};

}  // namespace meshd::kernel
