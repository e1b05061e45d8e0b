// SPDX-License-Identifier: Apache-2.0
// Where programs and maps outlive the agent: BPFFS/meshd/v<ABI>/{maps,links}/NAME. Beside it, in BPFFS/meshd-v<ABI>, is what
// another version is to find there: that of this agent while it takes over from an older one, and what that one left, for the way
// back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace meshd::kernel {

class Pins {
public:
    explicit Pins(const std::string& bpffs);

    [[nodiscard]] const std::string& top() const { return top_; }                       // what the agent locks
    [[nodiscard]] const std::string& version_directory() const { return *directory_; }  // of this agent's ABI
    [[nodiscard]] std::string map(const std::string& name) const { return version_directory() + "/maps/" + name; }
    [[nodiscard]] std::string link(const std::string& name) const { return version_directory() + "/links/" + name; }

    // Mounts a BPF file system on `bpffs` when it is /sys/fs/bpf and none is there, and makes the top directory.
    [[nodiscard]] base::Result<void> make_top() const;
    [[nodiscard]] base::Result<void> make_version() const;

    [[nodiscard]] std::string in_use(int version) const { return top_ + "/v" + std::to_string(version); }
    // No dot: the BPF file system keeps such names for itself.
    [[nodiscard]] std::string aside(int version) const { return top_ + "-v" + std::to_string(version); }
    // Versions other than this agent's, ascending. What is in use under a name that is no version: fails.
    [[nodiscard]] base::Result<std::vector<int>> other_versions() const;
    [[nodiscard]] std::vector<int> versions_aside() const;

    // This and all copies of it: version_directory() is the one aside, until what is in it is whole.
    void work_aside() const;
    void work_in_place() const;

    // Unpins everything of every version, links first: from then on no traffic is balanced. True when there was something.
    [[nodiscard]] base::Result<bool> remove_all() const;

private:
    std::string top_;
    std::shared_ptr<std::string> directory_;
};

// Removes a directory of pins. A link that is pinned nowhere else is taken off its hook, at once; one that `kept`, another
// directory of links, has under the same name stays where it is.
base::Result<void> remove_pins(const std::string& directory, const std::string& kept = {});

}  // namespace meshd::kernel
