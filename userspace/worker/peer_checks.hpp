// SPDX-License-Identifier: Apache-2.0
// Checks of many peers, some at one time.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "worker/peer_check.hpp"

namespace meshd::worker {

// How a connection to a backend would go now.
struct Way {
    PeerCheck::Target target;
    std::shared_ptr<const tls::Credentials> credentials;  // null: none is in use
};
// Nothing: there is no route. `identity`: as in channel::TlsCheck.
using FindWay = std::function<std::optional<Way>(const std::string& identity, const channel::TlsCheck::Target&)>;

class PeerChecks {
public:
    using Tell = std::function<void(const channel::TlsFinding&)>;
    static constexpr std::size_t most_at_once = 64;

    PeerChecks(boost::asio::io_context& io, FindWay find_way, Tell tell, PeerCheck::Patience patience = {})
        : io_(io), find_way_(std::move(find_way)), tell_(std::move(tell)), patience_(patience) {}

    void add(const channel::TlsCheck& check);

private:
    struct Waiting {
        std::uint64_t id = 0;
        Way way;
    };
    void begin_some();

    boost::asio::io_context& io_;
    FindWay find_way_;
    Tell tell_;
    PeerCheck::Patience patience_;
    std::deque<Waiting> waiting_;
    std::size_t running_ = 0;
};

}  // namespace meshd::worker
