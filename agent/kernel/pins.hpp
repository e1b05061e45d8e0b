// SPDX-License-Identifier: Apache-2.0
// Where programs and maps outlive the agent: BPFFS/meshd/v<ABI>/{maps,links}/NAME.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace meshd::kernel {

class Pins {
public:
    explicit Pins(const std::string& bpffs) : top_(bpffs + "/meshd") {}

    [[nodiscard]] const std::string& top() const { return top_; }  // all versions; what the agent locks
    [[nodiscard]] std::string version_directory() const;           // of this agent's ABI
    [[nodiscard]] std::string map(const std::string& name) const { return version_directory() + "/maps/" + name; }
    [[nodiscard]] std::string link(const std::string& name) const { return version_directory() + "/links/" + name; }

    // Mounts a BPF file system on `bpffs` when it is /sys/fs/bpf and none is there, and makes the top directory.
    [[nodiscard]] base::Result<void> make_top() const;
    [[nodiscard]] base::Result<void> make_version() const;

    // Directories of other ABI versions: "v2".
    [[nodiscard]] std::vector<std::string> other_versions() const;

    // Unpins everything of every version, links first: from then on no traffic is balanced. True when there was something.
    [[nodiscard]] base::Result<bool> remove_all() const;

private:
    std::string top_;
};

}  // namespace meshd::kernel
