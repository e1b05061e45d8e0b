// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace meshd::bench {

// One of the things that are compared: a destination, and from where it is connected to.
struct Side {
    std::string name;
    base::SocketAddress target;
    base::Protocol protocol = base::Protocol::tcp;
    std::optional<base::SocketAddress> listen;  // where the tool itself accepts what is connected to the target
    std::string netns;                          // path of a network namespace, empty: the one it was started in
    std::string cgroup;                         // directory of a cgroup, empty: the one it was started in
};

struct Options {
    int pairs = 7;
    int count = 20000;  // connects of one side in one pair
    int cpu = -1;       // -1: wherever the scheduler puts it
    std::vector<Side> sides;
};

// Throws std::invalid_argument with a sentence for the user.
Options parse_options(int argc, char** argv);

inline constexpr const char* usage =
    "usage: bench-connect [--pairs N] [--count N] [--cpu N] SIDE...\n"
    "SIDE: name=NAME,to=ADDRESS:PORT[,protocol=udp][,listen=ADDRESS:PORT][,netns=PATH][,cgroup=DIRECTORY]\n"
    "Runs the sides in turn and prints, for each side and turn, how long connect() took, as one JSON object.\n";

}  // namespace meshd::bench
