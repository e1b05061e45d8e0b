// SPDX-License-Identifier: Apache-2.0
// The worker of another host, done by hand: a TLS session over a blocking socket.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "application.hpp"
#include "tls/session.hpp"

namespace meshd::relay {

class Peer {
public:
    Peer(Application connected, std::shared_ptr<const tls::Credentials> credentials, tls::Session::Side side)
        : socket(std::move(connected)), session_(std::move(credentials), side, *wire_) {}

    bool shake_hands();
    void say(std::string_view plain);
    std::string hear(std::size_t size);   // fewer: it ended
    [[nodiscard]] bool has_more() const;  // to hear, now
    void finish();                        // close_notify
    void update_key(bool of_both) { session_.update_key(of_both); }
    [[nodiscard]] bool has_heard_goodbye() const { return has_heard_goodbye_; }

    Application socket;

private:
    void send_wire();
    bool receive();

    std::unique_ptr<tls::Wire> wire_ = std::make_unique<tls::Wire>();
    std::string received_, heard_;
    bool has_heard_goodbye_ = false;
    tls::Session session_;
};

}  // namespace meshd::relay
