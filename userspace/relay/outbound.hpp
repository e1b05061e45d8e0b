// SPDX-License-Identifier: Apache-2.0
// From an application of this host, whose connection the kernel steered here, to the worker of the backend's host, or to a
// backend outside of the mesh.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "relay/relay.hpp"

namespace meshd::relay {

class Outbound final : public Relay {
public:
    // `steered`: what else the kernel is asked for.
    Outbound(ThreadState& thread, base::UniqueFd accepted, std::optional<Steered> steered = {});

    void begin() override;
    void on_peer_ready() override;
    void on_peer_failed() override { reset(); }

private:
    void on_configuration(bool has_new_rules) override;
    void on_app_waiting() override;
    void on_moved(std::string_view to_peer) override;
    void on_answer() override { forget_said(); }
    [[nodiscard]] bool is_unheard() const override;
    bool replace_peer() override;

    void look_for_route();
    void leave_mesh(const Route& route);
    void connect();
    void forget_said();

    std::optional<Steered> steered_;  // until there is a route
    Timer timer_;
    std::shared_ptr<const tls::Credentials> credentials_;
    base::SocketAddress worker_;
    // What was said to a peer from the pool, which may have hung up meanwhile; nothing: it need not be said again.
    std::unique_ptr<std::string> said_;
    std::optional<std::uint64_t> acknowledged_;  // when it was taken from the pool
};

}  // namespace meshd::relay
