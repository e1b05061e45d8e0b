// SPDX-License-Identifier: Apache-2.0
// The listening sockets for clients from outside, and for an authority that asks who has their names: opened here, where ports
// below 1024 may be, and handed to the worker.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/context.hpp"
#include "app/listener_handover.hpp"
#include "model/edge.hpp"
#include "steering/listeners.hpp"

namespace meshd::app {

class EdgeSetup {
public:
    EdgeSetup(boost::asio::io_context& io, Context& context, ListenerHandover& handover)
        : context_(context), handover_(handover), retry_(io) {}

    void settings_changed();  // and at the start

    // Why a listener is not open; empty: it is.
    [[nodiscard]] std::string problem(const std::string& listener) const;

private:
    struct Open {
        base::SocketAddress address;
        steering::ListenersPtr sockets;
    };
    struct Wanted {
        std::string handed_as;  // the name that the worker knows
        std::string feature;
        base::SocketAddress listen;
        unsigned count = 1;  // of sockets
    };
    [[nodiscard]] std::vector<Wanted> wanted() const;
    void make_storage();
    void close_others(const std::vector<Wanted>& wanted);
    void open(const Wanted& wanted);
    void try_again();
    [[nodiscard]] std::string why_not_served() const;

    Context& context_;
    ListenerHandover& handover_;
    boost::asio::steady_timer retry_;
    // By what they are handed over as.
    std::map<std::string, Open> open_;
    std::map<std::string, std::string> problems_, features_;
};

}  // namespace meshd::app
