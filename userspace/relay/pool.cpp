// SPDX-License-Identifier: Apache-2.0
#include "relay/pool.hpp"

#include <algorithm>
#include <utility>

namespace meshd::relay {

namespace {

constexpr std::chrono::seconds tick_interval{1};
constexpr std::size_t least_demand = 2;  // in a second: who connects more seldom can wait for a handshake
constexpr std::size_t share = 16;        // of what is wanted in a second, as much as comes while another is made

}  // namespace

Pool::~Pool() { clear(); }

std::size_t Pool::target(const Peer& peer) {
    const auto demand = std::max(peer.wanted, peer.demand);
    return demand < least_demand ? 0 : std::min(most, 1 + demand / share);
}

std::unique_ptr<PeerLeg> Pool::take(const PeerKey& key, const std::shared_ptr<const tls::Credentials>& credentials,
                                    PeerLeg::Owner& owner) {
    if (peers_.empty()) tick_.set(tick_interval, [this] { tick(); });
    auto& peer = peers_.try_emplace(key, Peer{*this, credentials, {}, {}}).first->second;
    ++peer.wanted;
    std::unique_ptr<PeerLeg> taken;
    while (taken == nullptr && !peer.ready.empty()) {
        const auto last = std::prev(peer.ready.end());  // those in front grow old when fewer are wanted
        const auto read = last->leg->read_now();
        if (!read.plain.empty() || read.condition != Stream::Condition::good) {
            drop(peer, peer.ready, last);
            continue;
        }
        taken = std::move(last->leg);
        peer.ready.erase(last);
        thread_.figures.pool_ready.subtract();
    }
    fill(key, peer);
    (taken != nullptr ? thread_.figures.pool_hits : thread_.figures.pool_misses).add();
    if (taken != nullptr) taken->set_owner(owner);
    return taken;
}

void Pool::fill(const PeerKey& key, Peer& peer) {
    for (auto missing = target(peer); missing > peer.making.size() + peer.ready.size();) {
        auto& waiting = peer.making.emplace_back(peer);
        waiting.place = std::prev(peer.making.end());
        waiting.leg = std::make_unique<PeerLeg>(thread_, waiting, key.worker, peer.credentials);
        const auto before = peer.making.size();
        waiting.leg->begin();
        if (peer.making.size() < before) return;  // it failed at once
    }
}

// Ready when the peer has accepted us; what else it says, before it was asked, is no good.
void Pool::Waiting::look() {
    const auto read = leg->read();
    auto& from = ready_since == Clock::time_point{} ? peer_.making : peer_.ready;
    if (!read.plain.empty() || read.condition != Stream::Condition::good) return peer_.pool.drop(peer_, from, place);
    if (!leg->is_accepted() || &from == &peer_.ready) return;
    ready_since = peer_.pool.thread_.loop.now();
    peer_.ready.splice(peer_.ready.end(), peer_.making, place);
    peer_.pool.thread_.figures.pool_ready.add();
}

// Another is not tried before somebody wants one again.
void Pool::Waiting::on_peer_failed() {
    auto& peer = peer_;
    peer.wanted = peer.demand = 0;
    peer.pool.drop(peer, peer.making, place);
}

void Pool::drop(Peer& peer, std::list<Waiting>& from, std::list<Waiting>::iterator which) {
    if (&from == &peer.ready) thread_.figures.pool_ready.subtract();
    which->leg->close();
    thread_.ended_legs.push_back(std::move(which->leg));
    from.erase(which);
}

void Pool::tick() {
    const auto oldest = thread_.loop.now() - longest_idle;
    for (auto entry = peers_.begin(); entry != peers_.end();) {
        auto& peer = entry->second;
        peer.demand = std::max(std::exchange(peer.wanted, 0), peer.demand * 3 / 4);
        while (!peer.ready.empty() && peer.ready.front().ready_since <= oldest) {
            (void)peer.ready.front().leg->finish_sending();
            thread_.figures.pool_ready.subtract();
            thread_.part_with(std::move(peer.ready.front().leg));
            peer.ready.pop_front();
        }
        const bool is_idle = peer.demand == 0 && peer.ready.empty() && peer.making.empty();
        entry = is_idle ? peers_.erase(entry) : std::next(entry);
    }
    if (!peers_.empty()) tick_.set(tick_interval, [this] { tick(); });
}

void Pool::clear() {
    for (auto& [key, peer] : peers_) {
        while (!peer.making.empty()) drop(peer, peer.making, peer.making.begin());
        while (!peer.ready.empty()) drop(peer, peer.ready, peer.ready.begin());
    }
    peers_.clear();
    tick_.cancel();
}

}  // namespace meshd::relay
