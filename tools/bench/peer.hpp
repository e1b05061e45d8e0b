// SPDX-License-Identifier: Apache-2.0
// One of the ways between two processes that are compared: TCP to an address, or a unix-domain socket.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process.hpp"
#include "sockets.hpp"

namespace meshd::bench {

struct Peer {
    std::string name;
    RawAddress to;
    std::optional<RawAddress> listen;  // where the tool's own other end listens; its target when it is not the same
    std::string cgroup;                // directory of a cgroup for both ends, empty: the one it was started in
    std::string congestion;            // of the connecting end, empty: the host's
};

// name=NAME,to=ENDPOINT[,listen=ENDPOINT][,cgroup=DIRECTORY][,congestion=NAME]; throws std::invalid_argument.
Peer parse_peer(std::string_view text);

// A blocking connection from within the peer's cgroup.
base::UniqueFd connect_to(const Peer& peer);

// A process on the CPU, in the peer's cgroup, that serves one connection after the other.
Child serve_alone(const Peer& peer, int cpu, const std::function<void(int fd)>& serve);

// Until all of it is there; false when the stream has ended before.
bool receive_all(int fd, void* bytes, std::size_t size);
void send_all(int fd, const void* bytes, std::size_t size);

// Peers are the operands; `set` is called with each --option and its value, as parse_arguments() does.
std::vector<Peer> parse_peers(int argc, char** argv, const std::function<bool(std::string_view, std::string_view)>& set);

inline constexpr const char* peer_usage =
    "PEER: name=NAME,to=ENDPOINT[,listen=ENDPOINT][,cgroup=DIRECTORY][,congestion=NAME]\n"
    "ENDPOINT: ADDRESS:PORT or unix:PATH. Where listen= says so, the tool is the other end itself, in a process of its own.\n";

}  // namespace meshd::bench
