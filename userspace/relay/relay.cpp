// SPDX-License-Identifier: Apache-2.0
#include "relay/relay.hpp"

#include <algorithm>
#include <span>

#include "relay/sockets.hpp"

namespace meshd::relay {

namespace {

using Condition = Stream::Condition;

constexpr std::size_t most_unsent = std::size_t{256} << 10;  // of a leg, before the other is left alone
constexpr std::size_t least_spliced = std::size_t{32} << 10;
constexpr int most_rounds = 8;  // before others have their turn

}  // namespace

Relay::~Relay() = default;

void Relay::on_events(std::uint32_t events) {
    if (events == 0) has_turn_ = false;
    if (is_over_) return;
    app_.note(events);
    if (!is_moving_) return on_app_waiting();
    pump_or_end();
}

void Relay::on_peer_events() {
    if (is_over_) return;
    if (!is_moving_) return on_peer_waiting();
    pump_or_end();
}

void Relay::start_moving() {
    is_moving_ = true;
    if (!has_moved_) {
        has_moved_ = true;
        figures().relayed.add();
        figures().open.add();
    }
    pump_or_end();
}

void Relay::pump_or_end() {
    if (!pump() && !replace_peer()) reset();
}

// An end that nobody reads for has no other way to be seen.
bool Relay::is_broken() const {
    return (app_.has_failed() && (app_ended_ || !app_.is_readable() || peer_->stream().unsent() > most_unsent)) ||
           (peer_->stream().has_failed() && (peer_ended_ || !peer_->stream().is_readable() || app_.unsent() > most_unsent));
}

bool Relay::pump() {
    if (!app_.flush() || !peer_->flush()) return false;
    bool has_moved = true;
    for (int round = 0; has_moved && round < most_rounds; ++round) {
        has_moved = false;
        if (!move_from_app(has_moved) || !move_from_peer(has_moved)) return false;
    }
    if (is_broken()) return false;
    if (has_moved && !has_turn_) {
        has_turn_ = true;
        thread_.loop.call_again(*this);
    }
    if (peer_ended_ && !has_told_app_ && app_.unsent() == 0) {
        app_.finish_sending();
        has_told_app_ = true;
    }
    if (has_told_peer_ && has_told_app_ && peer_->has_said_all()) finish();
    return true;
}

bool Relay::move_from_app(bool& has_moved) {
    if (has_told_peer_ || peer_->stream().unsent() > most_unsent) return true;
    const std::span room(thread_.scratch.plain);
    std::size_t size = 0;
    if (!ahead_.empty()) {
        size = ahead_.copy(room.data(), room.size());
        std::string().swap(ahead_);
    }
    if (!app_ended_) {
        const auto received = app_.receive(room.subspan(size, Scratch::at_once));
        if (received.condition == Condition::reset) return false;
        app_ended_ = received.condition == Condition::ended;
        figures().bytes_in.add(received.size);
        size += received.size;
    }
    if (size > 0) {
        const std::string_view bytes(room.data(), size);
        has_moved = true;
        on_moved(bytes);
        if (!peer_->write(bytes)) return false;
    }
    if (!app_ended_) return true;
    has_told_peer_ = true;
    return peer_->finish_sending();
}

// Of small messages a copy costs less than a pipe. The other way there is no such thing: what an application says may come by the
// short way, which splice does not see.
bool Relay::splices_from_peer() const {
    return is_peer_bulk_ && app_.unsent() == 0 && peer_->reads_by_pipe() && thread_.splice_pipe() != nullptr;
}

// The kernel gives one record at a time.
bool Relay::splice_from_peer(bool& has_moved) {
    auto& pipe = *thread_.splice_pipe();
    while (pipe.held() < Scratch::at_once && peer_->read(pipe) > 0) {
    }
    const auto size = pipe.held();
    is_peer_bulk_ = size >= least_spliced;
    if (size == 0) return move_from_peer(has_moved);
    has_moved = true;
    on_answer();
    figures().bytes_out.add(size);
    figures().spliced.add(size);
    const bool is_sent = app_.send(pipe, thread_.scratch.plain);
    thread_.give_back_pipe();
    return is_sent;
}

bool Relay::move_from_peer(bool& has_moved) {
    if (peer_ended_ || app_.unsent() > most_unsent) return true;
    if (splices_from_peer()) return splice_from_peer(has_moved);
    const auto read = peer_->read();
    has_moved |= read.has_received;
    const bool has_ended = read.condition == Condition::ended;
    if (has_ended && read.plain.empty() && is_unheard()) return false;
    peer_ended_ = has_ended;
    if (!read.plain.empty() || peer_ended_) on_answer();
    if (!read.plain.empty()) {
        figures().bytes_out.add(read.plain.size());
        is_peer_bulk_ = read.plain.size() >= Scratch::at_once;
        if (!app_.send(read.plain)) return false;
    }
    return read.condition != Condition::reset;
}

// Both sides have said all they had to say: what the kernel still has of it is delivered.
void Relay::finish() {
    set_reset_at_close(app_.fd(), false);
    app_.close();
    if (direction_ == Direction::outbound)
        thread_.part_with(std::move(peer_));
    else if (!peer_->may_close())
        thread_.drain(std::move(peer_));
    else
        peer_->close();
    stop();
}

void Relay::reset() {
    if (is_over_) return;
    if (has_moved_) figures().reset.add();
    app_.reset();
    if (peer_ != nullptr) peer_->reset();
    stop();
}

void Relay::refuse() {
    if (is_over_) return;
    figures().refused.add();
    reset();
}

void Relay::close_peer() {
    peer_->close();
    stop();
}

void Relay::take_configuration(Changed changed) {
    const auto& node = thread_.configuration->node;
    if (changed.node && has_moved_ && node != nullptr && peer_->is_revoked(*node)) {
        figures().denied.add();
        return reset();
    }
    on_configuration(changed.rules);
}

void begin_relay(ThreadState& thread, std::unique_ptr<Relay> relay) {
    thread.relays.push_back(std::move(relay));
    auto& begun = *thread.relays.back();
    begun.keep_place(std::prev(thread.relays.end()));
    begun.begin();
}

void Relay::stop() {
    is_over_ = true;
    if (has_moved_) figures().open.subtract();
    if (has_turn_) thread_.loop.forget_turn(*this);
    thread_.ended.splice(thread_.ended.end(), thread_.relays, place_);
}

}  // namespace meshd::relay
