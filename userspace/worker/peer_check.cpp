// SPDX-License-Identifier: Apache-2.0
#include "worker/peer_check.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "base/time_text.hpp"
#include "relay/sockets.hpp"

namespace meshd::worker {

using boost::system::error_code;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using tls::HandshakeResult;
using Step = tls::Session::Step;

namespace {

channel::TlsFinding::Certificate described(const tls::Certificate& certificate) {
    return {certificate.identity,
            certificate.subject,
            certificate.issuer,
            certificate.key,
            certificate.signature,
            base::time_text(certificate.begins),
            base::time_text(certificate.ends)};
}

}  // namespace

PeerCheck::PeerCheck(boost::asio::io_context& io, Target target, std::shared_ptr<const tls::Credentials> credentials,
                     Patience patience, Done done)
    : target_(std::move(target)),
      patience_(patience),
      done_(std::move(done)),
      session_(credentials, tls::Session::Side::client, wire_, {}, target_.peer.address),
      socket_(io),
      timer_(io) {
    finding_.backend = target_.backend;
    finding_.peer = target_.peer.text();
    finding_.identity = credentials->identity();
}

void PeerCheck::set_result(const tls::HandshakeFailure& failure) {
    finding_.result = tls::name(failure.result);
    finding_.meaning = tls::meaning(failure.result, target_.is_outside);
    finding_.remedy = tls::remedy(failure.result, target_.is_outside);
    finding_.detail = failure.detail;
}

void PeerCheck::begin() {
    begun_ = Clock::now();
    auto socket = relay::start_connect(target_.peer);
    if (!socket.valid()) return fail({HandshakeResult::connect, std::strerror(errno)});
    relay::send_at_once(socket.get());
    socket_.assign(socket.release());
    wait(patience_.connect, {HandshakeResult::connect, "no answer in time"});
    socket_.async_wait(boost::asio::posix::descriptor_base::wait_write, [self = shared_from_this()](const error_code& error) {
        if (!error) self->on_connected();
    });
}

void PeerCheck::wait(std::chrono::milliseconds time, tls::HandshakeFailure failure) {
    timer_.expires_after(time);
    timer_.async_wait([self = shared_from_this(), failure = std::move(failure)](const error_code& error) {
        if (error || !self->done_) return;
        if (self->is_open_ && self->target_.is_outside)
            self->finish_outside();
        else if (self->is_open_)
            self->fail_backend("no answer in time: whoever listens there may not serve the backend");
        else
            self->fail(failure);
    });
}

void PeerCheck::on_connected() {
    if (!done_) return;
    if (const int code = relay::pending_error(socket_.native_handle()); code != 0)
        return fail({HandshakeResult::connect, std::strerror(code)});
    const auto now = Clock::now();
    finding_.connect_us = static_cast<std::uint64_t>(duration_cast<microseconds>(now - begun_).count());
    begun_ = now;
    wait(patience_.handshake, {HandshakeResult::timeout, "no end of the handshake in time"});
    shake_hands();
    if (done_) receive();
}

void PeerCheck::receive() {
    socket_.async_read_some(boost::asio::buffer(received_),
                            [self = shared_from_this()](const error_code& error, std::size_t size) {
                                if (!self->done_) return;
                                if (error) return self->on_closed();
                                self->take({self->received_.data(), size});
                            });
}

void PeerCheck::take(std::string_view received) {
    wire_.received = received;
    if (!is_open_)
        shake_hands();
    else
        read();
    if (done_) receive();
}

void PeerCheck::shake_hands() {
    const auto step = session_.handshake();
    if (step == Step::failed) {
        send();  // the alert
        return fail(session_.failure());
    }
    if (step == Step::done) {
        finding_.handshake_us = static_cast<std::uint64_t>(duration_cast<microseconds>(Clock::now() - begun_).count());
        is_open_ = true;
        finding_.is_accepted = session_.is_accepted_at_once();
        ask();
        return read();  // what came with the end of the handshake
    }
    send();
}

// The peer need not wait for an end that this side knows already.
void PeerCheck::ask() {
    const auto source = relay::local_address(socket_.native_handle()).value_or(base::SocketAddress{});
    if (!target_.is_outside) (void)session_.write(relay::to_wire({source, target_.backend, target_.service, true}));
    session_.close();
    send();
    wait(target_.is_outside ? patience_.goodbye : patience_.answer, {});
}

// A ticket, or anything else that it says, tells that the peer has accepted this side; a goodbye, that the backend has.
void PeerCheck::read() {
    std::array<char, 16384> plain{};
    auto got = session_.read(plain);
    std::size_t said = got.size;
    while (got.step == Step::done) {
        got = session_.read(plain);
        said += got.size;
    }
    if (session_.take_ticket() != nullptr) finding_.is_accepted = finding_.is_resumable = true;
    if (said > 0 || got.step == Step::ended) finding_.is_accepted = finding_.is_connected = true;
    send();
    if (target_.is_outside && finding_.is_accepted) return finish_outside();
    if (finding_.is_connected) return finish();
    if (got.step != Step::failed) return;
    if (finding_.is_accepted) return fail_backend("the connection broke: " + session_.failure().detail);
    fail(session_.failure());
}

// Writes one piece at a time; what the peer does not take any more it shall not hear.
void PeerCheck::send() {
    auto& to_send = wire_.to_send;
    if (to_send.empty() || !sending_.empty()) return;
    sending_ = std::exchange(to_send, {});
    boost::asio::async_write(socket_, boost::asio::buffer(sending_),
                             [self = shared_from_this()](const error_code& error, std::size_t /*size*/) {
                                 self->sending_.clear();
                                 if (!error && self->done_) self->send();
                             });
}

void PeerCheck::on_closed() {
    if (is_open_ && target_.is_outside) return finish_outside();
    if (finding_.is_accepted)
        return fail_backend(
            "the other worker ended the connection: it does not serve the backend, a rule there denies it, or the backend "
            "refused");
    fail({HandshakeResult::reset, "the peer closed the connection"});
}

// Had it not accepted this side, it would have said so.
void PeerCheck::finish_outside() {
    finding_.is_accepted = finding_.is_connected = true;
    finish();
}

void PeerCheck::fail(const tls::HandshakeFailure& failure) {
    set_result(failure);
    finish();
}

void PeerCheck::fail_backend(std::string detail) {
    finding_.result = "not_served";
    finding_.meaning = "the handshake was well, but no connection to the backend came about";
    finding_.detail = std::move(detail);
    finding_.remedy = "see that the backend runs, that the registry is known there, and `meshctl policy check` on that host";
    finish();
}

void PeerCheck::finish() {
    const auto done = std::exchange(done_, {});
    if (!done) return;
    if (finding_.result.empty()) set_result({HandshakeResult::ok, {}});
    auto details = session_.details();
    finding_.peer_identity = session_.peer();
    finding_.protocol = std::move(details.protocol);
    finding_.cipher = std::move(details.cipher);
    finding_.group = std::move(details.group);
    finding_.authority = std::move(details.authority);
    finding_.looks_at_revocations = details.looks_at_revocations;
    for (const auto& certificate : details.chain) finding_.chain.push_back(described(certificate));
    timer_.cancel();
    // What waits in the kernel, an alert among it, goes out all the same.
    error_code ignored;
    if (sending_.empty()) socket_.close(ignored);
    done(std::move(finding_));
}

}  // namespace meshd::worker
