// SPDX-License-Identifier: Apache-2.0
#include "relay/inbound.hpp"

#include <utility>

#include "relay/pool.hpp"
#include "relay/sockets.hpp"

namespace meshd::relay {

namespace {

constexpr std::chrono::seconds connect_timeout{5};
constexpr auto header_timeout = 3 * Pool::longest_idle;  // it is for the other side to close what it does not need

}  // namespace

Inbound::Inbound(ThreadState& thread, base::UniqueFd accepted)
    : Relay(thread, Direction::inbound), accepted_(std::move(accepted)), timer_(thread.loop) {}

void Inbound::begin() {
    const auto* const configuration = thread_.configuration.get();
    if (configuration == nullptr || configuration->node == nullptr) {
        set_reset_at_close(accepted_.get(), true);
        return refuse();
    }
    peer_ = std::make_unique<PeerLeg>(thread_, *this, std::move(accepted_), configuration->node);
    peer_->begin();
}

void Inbound::on_peer_ready() {
    timer_.set(header_timeout, [this] { refuse(); });
    take_header();
}

void Inbound::on_peer_waiting() {
    if (!app_.is_open() && !asked_) take_header();
}

void Inbound::take_header() {
    auto read = peer_->read();
    for (; read.has_received; read = peer_->read()) {
        head_ += read.plain;
        const auto parsed = parse_proxy_header(head_);
        if (!parsed) return refuse();
        if (read.condition == Stream::Condition::ended) note_peer_end();
        if (*parsed) {
            const auto& [header, size] = **parsed;
            head_.erase(0, size);
            asked_ = header;
            return serve();
        }
        if (read.condition != Stream::Condition::good) break;
    }
    if (read.condition == Stream::Condition::good) return;
    if (head_.empty()) return close_peer();  // it had no use for the connection
    refuse();
}

// If this host has the backend, and who asks may reach it.
void Inbound::serve() {
    const auto accepted_at = local_address(peer_->stream().fd());
    const auto& routes = thread_.configuration->routes;
    if (!accepted_at || routes == nullptr) return refuse();
    const auto* const route = routes->inbound(asked_->destination, accepted_at->address, asked_->service);
    if (route == nullptr) return timer_.set(thread_.patience, [this] { refuse(); });
    identity_ = peer_->identity();
    service_ = route->service;
    port_ = route->port;
    only_connects_ = asked_->only_connects;
    asked_.reset();
    if (!is_allowed()) return refuse();
    connect(route->backend);
}

bool Inbound::is_allowed() {
    const auto& authorization = thread_.configuration->authorization;
    if (authorization == nullptr) return true;
    const auto decision = authorization->decide(identity_, service_, port_);
    if (decision.is_audited) figures().audited.add();
    if (!decision.is_allowed) figures().denied.add();
    return decision.is_allowed;
}

void Inbound::on_configuration(bool has_new_rules) {
    if (asked_) return serve();
    if (has_new_rules && !service_.empty() && !is_allowed()) reset();
}

void Inbound::connect(const base::SocketAddress& backend) {
    app_ = Stream(start_connect(backend));
    if (!app_.is_open()) return fail_connect();
    send_at_once(app_.fd());
    set_reset_at_close(app_.fd(), true);
    if (!thread_.loop.watch(app_.fd(), *this)) return fail_connect();
    timer_.set(connect_timeout, [this] { fail_connect(); });
}

void Inbound::on_app_waiting() {
    if (!app_.is_open() || !app_.is_writable()) return;
    if (pending_error(app_.fd()) != 0) return fail_connect();
    timer_.cancel();
    if (only_connects_) return end_well();
    if (!head_.empty()) {
        figures().bytes_out.add(head_.size());
        (void)app_.send(head_);
        std::string().swap(head_);
    }
    start_moving();
}

// Nothing was said, so a reset loses nothing, and no port of this host waits for a minute.
void Inbound::end_well() {
    app_.reset();
    (void)peer_->finish_sending();
    close_peer();
}

void Inbound::fail_connect() {
    if (is_over()) return;
    figures().reset.add();
    reset();
}

}  // namespace meshd::relay
