// SPDX-License-Identifier: Apache-2.0
// The network namespaces of this host: those that a process is in, and those that something is mounted for, as `ip netns` and
// container runtimes do.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace meshd::sockets {

struct NetNamespace {
    std::uint64_t inode = 0;  // what it is known by
    std::string path;         // a file that leads to it
};

// Each once, that of the agent first; at most `most`.
std::vector<NetNamespace> net_namespaces(std::size_t most);

// "net:[4026531840]"
std::optional<std::uint64_t> parse_net_inode(std::string_view text);

// A line of /proc/self/mountinfo: nothing when it is no mount of a network namespace.
std::optional<NetNamespace> parse_net_mount(std::string_view line);

// Runs `work` with the calling thread in the namespace, and comes back from it. False: it is gone, or is another one by now.
base::Result<bool> inside(const NetNamespace& where, const std::function<base::Result<void>()>& work);

}  // namespace meshd::sockets
