// SPDX-License-Identifier: Apache-2.0
#include "relay/edge_relay.hpp"

#include <algorithm>
#include <utility>

#include <meshd/edge.h>

#include "relay/client_header.hpp"
#include "relay/sockets.hpp"

namespace meshd::relay {

namespace {

using tls::HandshakeResult;

constexpr std::chrono::seconds connect_timeout{5};

// RFC 8446, 6.2.
constexpr std::uint8_t decode_error = 50;
constexpr std::uint8_t internal_error = 80;
constexpr std::uint8_t unrecognized_name = 112;

bool asks_for_challenge(const ClientHello& hello) {
    return hello.protocols.size() == 1 && hello.protocols.front() == tls::challenge_protocol;
}

std::shared_ptr<const std::string> challenge_protocols() {
    static const auto list = std::make_shared<const std::string>(tls::protocol_list({std::string(tls::challenge_protocol)}));
    return list;
}

}  // namespace

EdgeRelay::EdgeRelay(ThreadState& thread, base::UniqueFd accepted, std::shared_ptr<const EdgeListener> listener)
    : Relay(thread, Direction::edge), accepted_(std::move(accepted)), listener_(std::move(listener)), timer_(thread.loop) {
    ++listener_->counts->open;
    ++listener_->counts->taken;
}

EdgeRelay::~EdgeRelay() {
    leave_queue();
    --listener_->counts->open;
}

void EdgeRelay::begin() {
    peer_ = std::make_unique<PeerLeg>(thread_, *this, std::move(accepted_));
    enter_queue();
    peer_->begin();
}

// Who says nothing, or no end of it, must not keep others out.
void EdgeRelay::enter_queue() {
    auto& queue = thread_.unfinished;
    if (queue.size() >= thread_.most_unfinished) {
        auto& oldest = *queue.front();
        oldest.leave_queue();
        oldest.refuse_client(EdgeRefusal::crowded);
    }
    at_ = queue.insert(queue.end(), this);
    is_waiting_ = true;
}

void EdgeRelay::leave_queue() {
    if (std::exchange(is_waiting_, false)) thread_.unfinished.erase(at_);
}

void EdgeRelay::on_peer_waiting() {
    if (!has_hello_) return take_hello();
    if (peer_->stream().has_failed()) reset();  // while the service is connected to
}

void EdgeRelay::take_hello() {
    auto read = peer_->read();
    for (; read.has_received; read = peer_->read()) {
        heard_ += read.plain;
        const auto parsed = parse_client_hello(heard_);
        if (!parsed) {
            const bool is_tls = begins_tls(heard_);
            return peer_->reject(is_tls ? std::optional(decode_error) : std::nullopt,
                                 {HandshakeResult::protocol, is_tls ? parsed.error().detail : "it is no TLS"});
        }
        if (*parsed) {
            hello_ = **parsed;
            route_ = listener_->routes.find(hello_.server_name);
            if (route_ != nullptr && route_->pass_through) return pass_through();
            if (route_ != nullptr || asks_for_challenge(hello_)) return end_tls(route_);
            return refuse_with_alert(EdgeRefusal::no_route);
        }
        if (read.condition != Stream::Condition::good) break;
    }
    if (read.condition == Stream::Condition::good) return;
    if (heard_.empty()) return close_peer();  // it had no use for the connection
    peer_->reject(std::nullopt, {HandshakeResult::reset, "the peer closed the connection"});
}

void EdgeRelay::end_tls(const EdgeRoute* route) {
    tls::EdgeOffer offer;
    if (asks_for_challenge(hello_) && listener_->challenge) {
        offer.certificate = listener_->challenge(hello_.server_name);
        offer.protocols = challenge_protocols();
        is_challenge_ = offer.certificate != nullptr;
    }
    if (!is_challenge_) {
        if (route == nullptr) return refuse_with_alert(EdgeRefusal::no_route);
        if (!route->address) return refuse_with_alert(EdgeRefusal::no_service);
        offer.certificate = listener_->context == nullptr ? nullptr : listener_->context->find(hello_.server_name);
        offer.protocols = route->protocols;
    }
    if (offer.certificate == nullptr) return refuse_with_alert(EdgeRefusal::no_certificate);
    if (!is_challenge_) offer.others = listener_->context->find_others(*offer.certificate, hello_.server_name);
    has_hello_ = true;
    peer_->encrypt(tls::Session(offer, thread_.scratch.wire), std::exchange(heard_, {}));
}

void EdgeRelay::pass_through() {
    has_hello_ = true;
    leave_queue();
    if (!route_->address) return refuse_client(EdgeRefusal::no_service);
    peer_->pass_through();
    connect();
}

void EdgeRelay::on_peer_ready() {
    leave_queue();
    if (!is_challenge_) return connect();
    (void)peer_->finish_sending();  // the handshake was all of it
    close_peer();
}

void EdgeRelay::connect() {
    app_ = Stream(start_connect(*route_->address, MD_EDGE_PRIORITY));
    if (!app_.is_open()) return refuse_client(EdgeRefusal::unreachable);
    send_at_once(app_.fd());
    set_reset_at_close(app_.fd(), true);
    if (!thread_.loop.watch(app_.fd(), *this)) return refuse_client(EdgeRefusal::unreachable);
    timer_.set(connect_timeout, [this] { refuse_client(EdgeRefusal::unreachable); });
}

void EdgeRelay::on_app_waiting() {
    if (!app_.is_open() || !app_.is_writable()) return;
    if (pending_error(app_.fd()) != 0) return refuse_client(EdgeRefusal::unreachable);
    timer_.cancel();
    say_first();
    start_moving();
}

void EdgeRelay::say_first() {
    ClientFacts client;
    client.source = peer_->peer();
    client.destination = local_address(peer_->stream().fd()).value_or(base::SocketAddress{});
    client.server_name = hello_.server_name;
    if (const auto agreed = peer_->agreed()) {
        client.protocol = agreed->protocol;
        client.tls_version = agreed->version;
        client.cipher = agreed->cipher;
    }
    (void)app_.send(client_header(route_->proxy_protocol, client));
    figures().bytes_out.add(heard_.size());
    (void)app_.send(std::exchange(heard_, {}));
}

void EdgeRelay::refuse_with_alert(EdgeRefusal why) {
    figures().refused.add();
    thread_.figures.edge_refused[static_cast<std::size_t>(why)].add();
    peer_->send_alert(why == EdgeRefusal::no_service ? internal_error : unrecognized_name);
    close_peer();
}

void EdgeRelay::refuse_client(EdgeRefusal why) {
    if (is_over()) return;
    thread_.figures.edge_refused[static_cast<std::size_t>(why)].add();
    refuse();
}

}  // namespace meshd::relay
