// SPDX-License-Identifier: Apache-2.0
#include "relay/thread_state.hpp"

#include "relay/peer_leg.hpp"
#include "relay/pool.hpp"
#include "relay/relay.hpp"

namespace meshd::relay {

ThreadState::ThreadState(const Engine::Options& options)
    : ask(options.ask),
      patience(options.patience),
      most_unfinished(options.most_unfinished),
      failures(options.on_failure),
      pool(std::make_unique<Pool>(*this)) {}

ThreadState::~ThreadState() {
    while (!relays.empty()) relays.front()->reset();
    pool.reset();  // hands its own to those that have ended
}

void ThreadState::forget_ended() {
    ended.clear();
    ended_legs.clear();
}

}  // namespace meshd::relay
