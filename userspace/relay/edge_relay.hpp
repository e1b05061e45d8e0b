// SPDX-License-Identifier: Apache-2.0
// From a client outside of the mesh to a service, by the name that it asks for: its TLS ends here, or passes through.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "relay/client_hello.hpp"
#include "relay/edge.hpp"
#include "relay/relay.hpp"

namespace meshd::relay {

class EdgeRelay final : public Relay {
public:
    EdgeRelay(ThreadState& thread, base::UniqueFd accepted, std::shared_ptr<const EdgeListener> listener);
    ~EdgeRelay() override;

    void begin() override;
    void on_peer_ready() override;
    void on_peer_failed() override { reset(); }

private:
    void on_app_waiting() override;
    void on_peer_waiting() override;

    void take_hello();
    void end_tls(const EdgeRoute* route);
    void pass_through();
    void connect();
    void say_first();
    void refuse_with_alert(EdgeRefusal why);
    void refuse_client(EdgeRefusal why);
    void enter_queue();
    void leave_queue();

    base::UniqueFd accepted_;
    std::shared_ptr<const EdgeListener> listener_;
    std::string heard_;  // of the client, before it is known who it is for
    ClientHello hello_;
    const EdgeRoute* route_ = nullptr;  // of the listener
    bool has_hello_ = false;            // all of it
    bool is_challenge_ = false;         // the handshake is all that is wanted
    bool is_waiting_ = false;           // in ThreadState::unfinished
    std::list<EdgeRelay*>::iterator at_{};
    Timer timer_;
};

}  // namespace meshd::relay
