// SPDX-License-Identifier: Apache-2.0
// What the relays of one thread share. Nothing of it is seen by another thread but the figures.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/splice_pipe.hpp"
#include "relay/engine.hpp"
#include "relay/failure_reports.hpp"
#include "relay/loop.hpp"
#include "relay/thread_figures.hpp"
#include "relay/tickets.hpp"
#include "tls/session.hpp"

namespace meshd::relay {

class EdgeRelay;
class PeerLeg;
class Pool;
class Relay;

// Bytes on their way, from one system call to the next.
struct Scratch {
    static constexpr std::size_t at_once = std::size_t{64} << 10;
    static constexpr std::size_t record = std::size_t{16} << 10;

    std::array<char, at_once> received{};            // encrypted
    std::array<char, at_once + 2 * record> plain{};  // what was received, behind a record that had come in part before
    tls::Wire wire;
};

struct ThreadState {
    explicit ThreadState(const Engine::Options& options);
    ThreadState(const ThreadState&) = delete;
    ThreadState& operator=(const ThreadState&) = delete;
    ~ThreadState();  // resets what is open

    void forget_ended();  // after each round
    // For one move, empty; null: there can be none. Whoever has filled it gives it back, and what is still in it is lost.
    base::SplicePipe* splice_pipe();
    void give_back_pipe();
    // With a connection to a worker over which both sides have said all.
    void part_with(std::unique_ptr<PeerLeg> leg);
    // With one that is to be closed as soon as it has given TCP what it has said.
    void drain(std::unique_ptr<PeerLeg> leg);

    AskKernel ask;
    std::chrono::milliseconds patience;
    std::size_t most_unfinished;
    FailureReports failures;
    Scratch scratch;
    Loop loop;
    ThreadFigures figures;
    Tickets tickets;
    std::shared_ptr<const Configuration> configuration;  // null: not yet
    std::list<EdgeRelay*> unfinished;  // handshakes of clients, the oldest first; before those themselves, who leave it
    std::list<std::unique_ptr<Relay>> relays;
    std::list<std::unique_ptr<PeerLeg>> parting;  // which wait for the end of their connections
    std::size_t draining = 0;                     // of these those whose last words may still be lost
    // Until no event of theirs is on its way.
    std::list<std::unique_ptr<Relay>> ended;
    std::vector<std::unique_ptr<PeerLeg>> ended_legs;
    std::unique_ptr<Pool> pool;

private:
    PeerLeg& keep_parting(std::unique_ptr<PeerLeg> leg);
    void look_at_memory();

    std::optional<base::SplicePipe> pipe_;  // made when it is needed first
    bool has_tried_pipe_ = false;
    std::size_t most_relays_ = 0;  // since memory was given back
    Timer trim_;
};

}  // namespace meshd::relay
