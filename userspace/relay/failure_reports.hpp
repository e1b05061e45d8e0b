// SPDX-License-Identifier: Apache-2.0
// Tells of failed handshakes, but not of each when a peer fails a thousand times.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "relay/engine.hpp"
#include "relay/loop.hpp"

namespace meshd::relay {

class FailureReports {
public:
    using Report = std::function<void(Direction, const std::string& peer, const tls::HandshakeFailure&)>;
    explicit FailureReports(Report report) : report_(std::move(report)) {}

    void tell(Direction direction, const base::IpAddress& peer, const tls::HandshakeFailure& failure, Clock::time_point now) {
        if (!report_) return;
        std::erase_if(told_, [&](const auto& entry) { return entry.second <= now - pause; });
        if (told_.size() >= most || !told_.try_emplace({direction, peer, failure.result}, now).second) return;
        report_(direction, peer.text(), failure);
    }

private:
    static constexpr std::chrono::seconds pause{1};
    static constexpr std::size_t most = 64;  // in one pause

    Report report_;
    std::map<std::tuple<Direction, base::IpAddress, tls::HandshakeResult>, Clock::time_point> told_;
};

}  // namespace meshd::relay
