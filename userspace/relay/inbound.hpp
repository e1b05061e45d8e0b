// SPDX-License-Identifier: Apache-2.0
// From the worker of another host to a backend of this one.
#pragma once

#include <optional>
#include <string>

#include "relay/proxy_header.hpp"
#include "relay/relay.hpp"

namespace meshd::relay {

class Inbound final : public Relay {
public:
    Inbound(ThreadState& thread, base::UniqueFd accepted);

    void begin() override;
    void on_peer_ready() override;
    void on_peer_failed() override { reset(); }

private:
    void on_configuration(bool has_new_rules) override;
    void on_app_waiting() override;
    void on_peer_waiting() override;

    void take_header();
    void serve();
    bool is_allowed();
    void connect(const base::SocketAddress& backend);
    void fail_connect();
    void end_well();

    base::UniqueFd accepted_;
    std::string head_;                  // of the stream, as far as it came
    std::optional<ProxyHeader> asked_;  // and nobody knows yet what it is about
    std::string identity_, service_;    // who asks for what
    std::uint16_t port_ = 0;            // of the service
    bool only_connects_ = false;
    Timer timer_;
};

}  // namespace meshd::relay
