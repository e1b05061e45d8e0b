// SPDX-License-Identifier: Apache-2.0
// Finds the processes that hold sockets, to make the kernel announce again what waits in one, or ask anew for the window of its
// peer.
#pragma once

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace meshd::acceleration {

struct HeldSocket {
    std::uint64_t inode = 0;   // of the socket's file
    std::uint64_t cookie = 0;  // of the socket: an inode's number may be given to another
    pid_t process = 0;         // who is likely to hold it; 0: nobody knows
    enum class Need : std::uint8_t {
        announcement,  // of what waits in it, as if it had just come: a reader that has nothing to read sees nothing of it
        window,        // its peer is asked how much it may send
        room,          // its receive buffer grows to `bytes`, if its program has not fixed it
    };
    Need need = Need::announcement;
    std::uint32_t bytes = 0;
};

// Looks into the likely processes first, then into those that were found before, then into all of /proc.
class SocketOwner {
public:
    // Gives each what it needs. Those whose owner was not found: it has closed the socket, or has just been born.
    std::vector<HeldSocket> serve(std::vector<HeldSocket> sockets);

private:
    // Serves those that the process holds and removes them from the list.
    void serve_in(pid_t process, std::vector<HeldSocket>& sockets);

    std::vector<pid_t> known_;  // processes that were found to hold such sockets, the latest first
};

}  // namespace meshd::acceleration
