// SPDX-License-Identifier: Apache-2.0
#include "relay/thread_state.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include <malloc.h>

#include "relay/peer_leg.hpp"
#include "relay/pool.hpp"
#include "relay/relay.hpp"

namespace meshd::relay {

namespace {

constexpr std::size_t most_parting = 1024;  // with more the oldest do not wait
// Memory of relays that have ended goes back to the system when they were so many, and half of all.
constexpr std::size_t worth_a_trim = 500;
constexpr std::chrono::seconds trim_delay{5};
constexpr std::size_t size_of_pipe = std::size_t{256} << 10;  // of pages that may be full in part

}  // namespace

ThreadState::ThreadState(const Engine::Options& options)
    : ask(options.ask),
      patience(options.patience),
      most_unfinished(options.most_unfinished),
      failures(options.on_failure),
      pool(std::make_unique<Pool>(*this)),
      trim_(loop) {}

ThreadState::~ThreadState() {
    while (!relays.empty()) relays.front()->reset();
    pool.reset();  // hands its own to those that have ended
}

PeerLeg& ThreadState::keep_parting(std::unique_ptr<PeerLeg> leg) {
    if (parting.size() >= most_parting) parting.front()->close_parting();
    parting.push_back(std::move(leg));
    return *parting.back();
}

void ThreadState::part_with(std::unique_ptr<PeerLeg> leg) {
    auto& kept = keep_parting(std::move(leg));
    kept.part(std::prev(parting.end()));
}

void ThreadState::drain(std::unique_ptr<PeerLeg> leg) {
    auto& kept = keep_parting(std::move(leg));
    kept.drain(std::prev(parting.end()));
}

void ThreadState::forget_ended() {
    ended.clear();
    ended_legs.clear();
    look_at_memory();
}

base::SplicePipe* ThreadState::splice_pipe() {
    if (!std::exchange(has_tried_pipe_, true))
        if (auto made = base::SplicePipe::make(size_of_pipe)) pipe_ = std::move(*made);
    return pipe_ ? &*pipe_ : nullptr;
}

// Nothing of one connection may ever go on over another.
void ThreadState::give_back_pipe() {
    if (pipe_ && pipe_->held() > 0) {
        pipe_.reset();
        has_tried_pipe_ = false;
    }
}

void ThreadState::look_at_memory() {
    most_relays_ = std::max(most_relays_, relays.size());
    const auto ended_since = most_relays_ - relays.size();
    if (trim_.is_set() || ended_since < worth_a_trim || ended_since < relays.size()) return;
    trim_.set(trim_delay, [this] {
        ::malloc_trim(0);
        most_relays_ = relays.size();
    });
}

}  // namespace meshd::relay
