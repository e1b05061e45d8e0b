// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "control/router.hpp"

namespace meshd::control {

bool Access::may_change(const http::Peer& peer) const { return peer.uid == 0 || peer.uid == agent_uid; }

bool Access::may_read(const http::Peer& peer) const {
    if (may_change(peer)) return true;
    return group && (peer.gid == *group || std::find(peer.groups.begin(), peer.groups.end(), *group) != peer.groups.end());
}

}  // namespace meshd::control
