// SPDX-License-Identifier: Apache-2.0
// The newest ticket for each worker that this thread speaks to. Connections that are made at once use the same, as nobody who
// sees that learns more than the addresses tell already.
#pragma once

#include <cstddef>
#include <map>
#include <utility>

#include "relay/peer_key.hpp"
#include "tls/session.hpp"

namespace meshd::relay {

class Tickets {
public:
    static constexpr std::size_t most = 4096;

    [[nodiscard]] tls::Ticket find(const PeerKey& key) const {
        const auto found = tickets_.find(key);
        return found == tickets_.end() ? nullptr : found->second;
    }

    void keep(const PeerKey& key, tls::Ticket ticket) {
        if (tickets_.size() >= most && tickets_.find(key) == tickets_.end()) drop_useless();
        tickets_.insert_or_assign(key, std::move(ticket));
    }

    void drop(const PeerKey& key) { tickets_.erase(key); }

private:
    void drop_useless() {
        std::erase_if(tickets_, [](const auto& entry) { return !tls::is_usable(entry.second); });
        if (tickets_.size() >= most) tickets_.clear();
    }

    std::map<PeerKey, tls::Ticket> tickets_;
};

}  // namespace meshd::relay
