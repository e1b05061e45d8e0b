// SPDX-License-Identifier: Apache-2.0
// Connections to other workers whose handshake is over before anybody asks for them, as many as lately were asked for.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <memory>

#include "relay/peer_leg.hpp"
#include "relay/thread_state.hpp"

namespace meshd::relay {

class Pool {
public:
    static constexpr std::chrono::seconds longest_idle{20};
    static constexpr std::size_t most = 32;  // for each peer

    explicit Pool(ThreadState& thread) : thread_(thread), tick_(thread.loop) {}
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool();

    // Null: none is ready, the caller must make one. Either way it is noted that one was wanted.
    std::unique_ptr<PeerLeg> take(const PeerKey& key, const std::shared_ptr<const tls::Credentials>& credentials,
                                  PeerLeg::Owner& owner);
    void clear();

private:
    struct Peer;
    // One connection, from its beginning until it is taken.
    class Waiting final : public PeerLeg::Owner {
    public:
        explicit Waiting(Peer& peer) : peer_(peer) {}
        void on_peer_ready() override { look(); }
        void on_peer_failed() override;
        void on_peer_events() override { look(); }

        std::unique_ptr<PeerLeg> leg;
        std::list<Waiting>::iterator place;
        Clock::time_point ready_since;

    private:
        void look();
        Peer& peer_;
    };

    struct Peer {
        Pool& pool;
        std::shared_ptr<const tls::Credentials> credentials;
        std::list<Waiting> making, ready;
        std::size_t wanted = 0;  // in this second
        std::size_t demand = 0;  // in a second, lately
    };

    [[nodiscard]] static std::size_t target(const Peer& peer);
    void fill(const PeerKey& key, Peer& peer);
    void drop(Peer& peer, std::list<Waiting>& from, std::list<Waiting>::iterator which);
    void tick();

    ThreadState& thread_;
    Timer tick_;
    std::map<PeerKey, Peer> peers_;
};

}  // namespace meshd::relay
