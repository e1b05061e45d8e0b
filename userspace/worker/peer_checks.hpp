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

// What connections to backends need, as this host knows it now.
struct PeerChecksNeeds {
    std::function<std::shared_ptr<const tls::Credentials>(const std::string& identity)> credentials;  // null: none is in use
    std::function<std::optional<PeerCheck::Target>(const channel::TlsCheck::Target&)> target;         // nothing: it has no route
};

class PeerChecks {
public:
    using Tell = std::function<void(const channel::TlsFinding&)>;
    static constexpr std::size_t most_at_once = 64;

    PeerChecks(boost::asio::io_context& io, PeerChecksNeeds needs, Tell tell, PeerCheck::Patience patience = {})
        : io_(io), needs_(std::move(needs)), tell_(std::move(tell)), patience_(patience) {}

    void add(const channel::TlsCheck& check);

private:
    struct Waiting {
        std::uint64_t id = 0;
        PeerCheck::Target target;
        std::shared_ptr<const tls::Credentials> credentials;
    };
    void begin_some();

    boost::asio::io_context& io_;
    PeerChecksNeeds needs_;
    Tell tell_;
    PeerCheck::Patience patience_;
    std::deque<Waiting> waiting_;
    std::size_t running_ = 0;
};

}  // namespace meshd::worker
