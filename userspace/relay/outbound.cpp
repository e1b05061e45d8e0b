// SPDX-License-Identifier: Apache-2.0
#include "relay/outbound.hpp"

#include <utility>

#include "model/tls.hpp"
#include "relay/pool.hpp"
#include "relay/proxy_header.hpp"
#include "relay/sockets.hpp"

namespace meshd::relay {

namespace {

constexpr std::size_t most_said = std::size_t{16} << 10;

// Null: it has none, so it may not go out.
std::shared_ptr<const tls::Credentials> credentials_of(const Configuration& configuration, std::uint32_t identity) {
    if (identity == 0 || identity == model::node_identity) return configuration.node;
    const auto found = configuration.identities.find(identity);
    return found == configuration.identities.end() ? nullptr : found->second;
}

}  // namespace

Outbound::Outbound(ThreadState& thread, base::UniqueFd accepted, std::optional<Steered> steered)
    : Relay(thread, Direction::outbound), steered_(steered), timer_(thread.loop) {
    send_at_once(accepted.get());
    set_reset_at_close(accepted.get(), true);
    app_ = Stream(std::move(accepted));
}

void Outbound::begin() {
    if (!steered_)
        if (const auto told = thread_.ask(app_.fd())) steered_ = *told;
    if (!steered_ || !thread_.loop.watch(app_.fd(), *this)) return refuse();
    look_for_route();
}

void Outbound::on_configuration(bool /*has_new_rules*/) {
    if (steered_) look_for_route();
}

void Outbound::look_for_route() {
    const auto* const configuration = thread_.configuration.get();
    if (configuration == nullptr || configuration->routes == nullptr) return refuse();
    const auto& routes = *configuration->routes;
    const auto* const route = routes.outbound(steered_->service, steered_->backend);
    if (route == nullptr) return timer_.set(thread_.patience, [this] { refuse(); });
    timer_.cancel();
    if (route->is_outside) return leave_mesh(*route);
    credentials_ = credentials_of(*configuration, steered_->identity);
    const auto source = remote_address(app_.fd());
    if (credentials_ == nullptr || !source) return refuse();
    worker_ = {route->host, configuration->peer_port};
    ahead_ = to_wire({*source, steered_->backend, std::string(routes.service_at(steered_->service)), steered_->only_connects});
    steered_.reset();

    peer_ = thread_.pool->take({worker_, credentials_->number()}, credentials_, *this);
    if (peer_ == nullptr) return connect();
    acknowledged_ = acknowledged_bytes(peer_->stream().fd());
    if (acknowledged_) said_ = std::make_unique<std::string>();
    app_.note(EPOLLIN);  // most have said something by now, which fits into the first record
    start_moving();
}

// Nobody there knows our header, and most servers do not care to have connections kept ready.
void Outbound::leave_mesh(const Route& route) {
    credentials_ = route.outside;
    if (credentials_ == nullptr) return refuse();
    worker_ = route.backend;
    steered_.reset();
    connect();
}

void Outbound::connect() {
    peer_ = std::make_unique<PeerLeg>(thread_, *this, worker_, credentials_);
    peer_->begin();
}

void Outbound::on_peer_ready() {
    credentials_.reset();
    start_moving();
}

void Outbound::on_app_waiting() {
    if (app_.has_failed()) reset();
}

void Outbound::on_moved(std::string_view to_peer) {
    if (said_ == nullptr) return;
    if (said_->size() + to_peer.size() > most_said) return forget_said();
    said_->append(to_peer);
}

void Outbound::forget_said() {
    said_.reset();
    credentials_.reset();
}

// No byte of it has come to the other host: a request must never be made twice.
bool Outbound::is_unheard() const { return said_ != nullptr && acknowledged_bytes(peer_->stream().fd()) == acknowledged_; }

bool Outbound::replace_peer() {
    if (app_.has_failed() || !is_unheard()) return false;
    ahead_ = std::move(*std::exchange(said_, nullptr));
    has_told_peer_ = false;
    peer_->reset();
    thread_.ended_legs.push_back(std::move(peer_));
    pause();
    connect();
    return true;
}

}  // namespace meshd::relay
