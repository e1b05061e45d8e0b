// SPDX-License-Identifier: Apache-2.0
// Listening sockets that outlive the agent: the service manager keeps them (systemd's file descriptor store, sd_notify(3)) and
// hands them to the next one, so that connections wait meanwhile instead of being refused. Without such a manager it does
// nothing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/unique_fd.hpp"
#include "steering/listeners.hpp"

namespace meshd::app {

class ListenerStore {
public:
    // With what the service manager has handed on (sd_listen_fds(3)): for the first one of a process.
    static ListenerStore inherit();

    // What was handed on under that name, if it is `count` sockets that listen at that address; else null, and it is closed.
    steering::ListenersPtr take(const std::string& name, const base::SocketAddress& address, unsigned count);
    // From now on these are kept under that name, instead of those before; null: none.
    void keep(const std::string& name, const steering::ListenersPtr& listeners);
    // What nobody has taken is of no use any more.
    void close_rest();

private:
    std::map<std::string, std::vector<base::UniqueFd>> inherited_;
    std::map<std::string, steering::ListenersPtr> kept_;
};

}  // namespace meshd::app
