// SPDX-License-Identifier: Apache-2.0
// One connection to the worker of another host, made to find out how it goes: a full handshake, then the question whether the
// backend takes a connection, without a byte for it. Or to a backend outside of the mesh: a handshake, and no more.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "channel/messages.hpp"
#include "relay/proxy_header.hpp"
#include "tls/session.hpp"

namespace meshd::worker {

// Keeps itself until it is done, on the thread of the loop.
class PeerCheck : public std::enable_shared_from_this<PeerCheck> {
public:
    struct Target {
        base::SocketAddress peer;     // where the other worker listens, or the backend outside of the mesh
        base::SocketAddress backend;  // behind it
        std::string service;          // name
        bool is_outside = false;
    };
    struct Patience {
        std::chrono::milliseconds connect{5000}, handshake{10000};  // as relays have it
        std::chrono::milliseconds answer{8000};                     // of the backend: longer than the other worker waits for it
        std::chrono::milliseconds goodbye{2000};                    // of a server outside of the mesh, which need not say any
    };
    using Done = std::function<void(channel::TlsFinding)>;

    PeerCheck(boost::asio::io_context& io, Target target, std::shared_ptr<const tls::Credentials> credentials, Patience patience,
              Done done);
    void begin();

private:
    using Clock = std::chrono::steady_clock;

    // What people are told when it came to nothing, for this reason.
    void set_result(const tls::HandshakeFailure& failure);
    void on_connected();
    void wait(std::chrono::milliseconds time, tls::HandshakeFailure failure);
    void receive();
    void take(std::string_view received);
    void shake_hands();
    void ask();
    void read();
    void send();
    void on_closed();
    void fail(const tls::HandshakeFailure& failure);
    void fail_backend(std::string detail);
    void finish_outside();
    void finish();

    Target target_;
    Patience patience_;
    Done done_;  // empty: it is over
    channel::TlsFinding finding_;
    tls::Wire wire_;
    tls::Session session_;
    boost::asio::posix::stream_descriptor socket_;
    boost::asio::steady_timer timer_;
    Clock::time_point begun_;
    std::string sending_;
    std::array<char, 16384> received_{};
    bool is_open_ = false;  // the handshake is over
};

}  // namespace meshd::worker
