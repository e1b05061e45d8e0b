// SPDX-License-Identifier: Apache-2.0
#include "relay/peer_leg.hpp"

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "relay/sockets.hpp"

namespace meshd::relay {

namespace {

using Condition = Stream::Condition;
using Step = tls::Session::Step;
using tls::HandshakeResult;

constexpr std::chrono::seconds connect_timeout{5};
constexpr std::chrono::seconds handshake_timeout{10};
constexpr std::chrono::seconds parting_timeout{5};  // the peer has but to answer
constexpr std::chrono::milliseconds drain_interval{20};

}  // namespace

PeerLeg::PeerLeg(ThreadState& thread, Owner& owner, const base::SocketAddress& worker,
                 std::shared_ptr<const tls::Credentials> credentials)
    : thread_(thread),
      owner_(&owner),
      key_{worker, credentials->number()},
      stream_(start_connect(worker)),
      session_(std::in_place, std::move(credentials), tls::Session::Side::client, thread.scratch.wire, thread.tickets.find(key_),
               worker.address),
      timer_(thread.loop),
      direction_(Direction::outbound) {}

PeerLeg::PeerLeg(ThreadState& thread, Owner& owner, base::UniqueFd accepted, std::shared_ptr<const tls::Credentials> credentials)
    : thread_(thread),
      owner_(&owner),
      key_{remote_address(accepted.get()).value_or(base::SocketAddress{}), credentials->number()},
      stream_(std::move(accepted)),
      session_(std::in_place, std::move(credentials), tls::Session::Side::server, thread.scratch.wire),
      timer_(thread.loop),
      phase_(Phase::handshake),
      direction_(Direction::inbound) {}

PeerLeg::PeerLeg(ThreadState& thread, Owner& owner, base::UniqueFd accepted)
    : thread_(thread),
      owner_(&owner),
      key_{remote_address(accepted.get()).value_or(base::SocketAddress{}), 0},
      stream_(std::move(accepted)),
      timer_(thread.loop),
      phase_(Phase::hello),
      direction_(Direction::edge) {}

PeerLeg::~PeerLeg() = default;

void PeerLeg::begin() {
    if (!stream_.is_open()) return fail({HandshakeResult::connect, std::strerror(errno)});
    send_at_once(stream_.fd());
    watch_peer(stream_.fd());
    timer_.set(phase_ == Phase::connect ? connect_timeout : handshake_timeout, [this] {
        if (phase_ == Phase::connect)
            fail({HandshakeResult::connect, "no answer in 5 s"});
        else
            fail({HandshakeResult::timeout, "no end in 10 s"});
    });
    if (!thread_.loop.watch(stream_.fd(), *this)) fail({HandshakeResult::connect, std::strerror(errno)});
}

void PeerLeg::on_events(std::uint32_t events) {
    stream_.note(events);
    if (phase_ == Phase::over || phase_ == Phase::draining) return;
    if (phase_ == Phase::parting) {
        if (stream_.has_ended()) close_parting();
        return;
    }
    if (phase_ == Phase::open || phase_ == Phase::hello) return owner_->on_peer_events();
    if (phase_ == Phase::connect) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
        if (const int code = pending_error(stream_.fd()); code != 0) return fail({HandshakeResult::connect, std::strerror(code)});
        phase_ = Phase::handshake;
        timer_.set(handshake_timeout, [this] { fail({HandshakeResult::timeout, "no end in 10 s"}); });
        shake_hands();  // the client speaks first
    }
    advance();
}

void PeerLeg::encrypt(tls::Session session, std::string_view received) {
    session_.emplace(std::move(session));
    phase_ = Phase::handshake;
    thread_.scratch.wire.received = received;
    shake_hands();
    advance();
}

void PeerLeg::pass_through() {
    phase_ = Phase::open;
    timer_.cancel();
}

void PeerLeg::send_alert(std::uint8_t alert) {
    constexpr std::string_view fatal_alert{"\x15\x03\x03\x00\x02\x02", 6};  // RFC 8446, 5.1 and 6
    (void)stream_.send(std::string(fatal_alert) + static_cast<char>(alert));
}

void PeerLeg::reject(std::optional<std::uint8_t> alert, const tls::HandshakeFailure& failure) {
    if (alert) send_alert(*alert);
    fail(failure);
}

std::optional<tls::Session::Agreed> PeerLeg::agreed() const {
    if (!session_) return std::nullopt;
    return session_->agreed();
}

void PeerLeg::advance() {
    auto& scratch = thread_.scratch;
    while (phase_ == Phase::handshake) {
        if (!stream_.flush()) return fail({HandshakeResult::reset, std::strerror(errno)});
        const auto received = stream_.receive(scratch.received);
        if (received.condition == Condition::ended) return fail({HandshakeResult::reset, "the peer closed the connection"});
        if (received.condition == Condition::reset) return fail({HandshakeResult::reset, std::strerror(errno)});
        if (received.size == 0) return;
        scratch.wire.received = {scratch.received.data(), received.size};
        shake_hands();
    }
}

void PeerLeg::shake_hands() {
    const auto step = session_->handshake();
    if (step == Step::failed) {
        (void)send_wire();
        return fail(session_->failure());
    }
    if (!send_wire()) return fail({HandshakeResult::reset, std::strerror(errno)});
    if (step == Step::more) return;
    phase_ = Phase::open;
    timer_.cancel();
    const bool is_resumed = session_->resumed();
    if (is_resumed) thread_.figures.of(direction_).resumed.add();
    // Who takes up a session with us has accepted us then.
    if (direction_ != Direction::outbound || is_resumed || session_->is_accepted_at_once()) {
        is_accepted_ = true;
        count(HandshakeResult::ok);
    }
    const auto read = decrypt();
    early_ = read.plain;
    early_condition_ = read.condition;
    give_to_kernel();
    owner_->on_peer_ready();
}

void PeerLeg::count(HandshakeResult result) { thread_.figures.of(direction_).handshakes[static_cast<std::size_t>(result)].add(); }

void PeerLeg::fail(const tls::HandshakeFailure& failure) {
    close();
    thread_.scratch.wire.received = {};
    report(failure);
    owner_->on_peer_failed();
}

void PeerLeg::report(const tls::HandshakeFailure& failure) {
    count(failure.result);
    if (direction_ == Direction::outbound && failure.result != HandshakeResult::connect) thread_.tickets.drop(key_);
    thread_.failures.tell(direction_, key_.worker.address, failure, thread_.loop.now());
}

void PeerLeg::close() {
    phase_ = Phase::over;
    timer_.cancel();
    stream_.close();
}

void PeerLeg::reset() {
    phase_ = Phase::over;
    timer_.cancel();
    stream_.reset();
}

void PeerLeg::part(Parting place) {
    parting_ = place;
    phase_ = Phase::parting;
    if (stream_.has_ended()) return close_parting();
    session_.reset();
    timer_.set(parting_timeout, [this] { close_parting(); });
}

void PeerLeg::drain(Parting place) {
    parting_ = place;
    phase_ = Phase::draining;
    ++thread_.draining;
    session_.reset();
    look_whether_drained();
}

void PeerLeg::look_whether_drained() {
    if (stream_.has_failed() || may_close()) return close_parting();
    timer_.set(drain_interval, [this] { look_whether_drained(); });
}

void PeerLeg::close_parting() {
    if (phase_ == Phase::draining) --thread_.draining;
    close();
    thread_.ended_legs.push_back(std::move(*parting_));
    thread_.parting.erase(parting_);
}

bool PeerLeg::send_wire() {
    auto& to_send = thread_.scratch.wire.to_send;
    const bool is_good = to_send.empty() || stream_.send(to_send);
    to_send.clear();
    return is_good;
}

PeerLeg::Read PeerLeg::decrypt() {
    auto& scratch = thread_.scratch;
    const auto got = session_->read(scratch.plain);
    Read read{{scratch.plain.data(), got.size}, Condition::good, true};
    if (got.step == Step::ended) read.condition = Condition::ended;
    if (got.step == Step::failed) read.condition = Condition::reset;
    if (!send_wire()) read.condition = Condition::reset;
    note_acceptance(read);
    return read;
}

// A server's first word after a full handshake says that it has accepted us; mostly that is a ticket.
void PeerLeg::note_acceptance(const Read& read) {
    if (direction_ != Direction::outbound) return;
    auto ticket = session_->take_ticket();
    const bool is_told = ticket != nullptr || !read.plain.empty() || read.condition == Condition::ended;
    if (ticket != nullptr) thread_.tickets.keep(key_, std::move(ticket));
    if (is_accepted_) return;
    if (is_told) {
        is_accepted_ = true;
        count(HandshakeResult::ok);
    } else if (read.condition == Condition::reset) {
        report(session_->failure());
    }
}

PeerLeg::Read PeerLeg::read() {
    auto& scratch = thread_.scratch;
    if (!session_) {
        const auto received = stream_.receive(std::span(scratch.plain).first(Scratch::at_once));
        return {{scratch.plain.data(), received.size}, received.condition, received.size > 0};
    }
    if (!early_.empty() || early_condition_ != Condition::good) {
        const auto size = early_.copy(scratch.plain.data(), scratch.plain.size());
        std::string().swap(early_);
        return {{scratch.plain.data(), size}, std::exchange(early_condition_, Condition::good), true};
    }
    if (is_receiving_by_kernel_) return read_from_kernel();
    const auto received = stream_.receive(std::span(scratch.received).first(room_for_records()));
    // The end of a connection without a word is that of an attacker, or of a worker that died.
    if (received.condition != Condition::good) {
        if (!is_accepted_) report({HandshakeResult::reset, "the peer closed the connection"});
        return {{}, Condition::reset};
    }
    if (received.size == 0) return {};
    scratch.wire.received = {scratch.received.data(), received.size};
    const auto read = decrypt();
    if (read.condition == Condition::good) give_to_kernel();
    return read;
}

PeerLeg::Read PeerLeg::read_now() {
    stream_.note(EPOLLIN);
    return read();
}

bool PeerLeg::write(std::string_view plain) {
    if (!session_) return stream_.send(plain);
    if (is_transmitting_by_kernel_) return write_to_kernel(plain);
    return session_->write(plain) == Step::done && send_wire();
}

bool PeerLeg::flush() {
    if (!stream_.flush() || !say_what_is_due()) return false;
    if (stream_.unsent() == 0 && std::exchange(is_finishing_, false)) stream_.finish_sending();
    return true;
}

bool PeerLeg::finish_sending() {
    if (is_transmitting_by_kernel_) {
        is_goodbye_due_ = true;
        return flush();
    }
    if (session_) {
        session_->close();
        if (!send_wire()) return false;
    }
    is_finishing_ = direction_ == Direction::edge;
    return flush();
}

}  // namespace meshd::relay
