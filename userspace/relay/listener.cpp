// SPDX-License-Identifier: Apache-2.0
#include "relay/listener.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

#include "relay/edge_relay.hpp"
#include "relay/inbound.hpp"
#include "relay/outbound.hpp"

namespace meshd::relay {

namespace {

constexpr int most_at_once = 64;
constexpr std::chrono::milliseconds rest_time{100};

}  // namespace

Listener::Listener(ThreadState& thread, Purpose purpose, std::shared_ptr<const base::UniqueFd> socket, bool is_shared)
    : thread_(thread), purpose_(std::move(purpose)), socket_(std::move(socket)), is_shared_(is_shared), rest_(thread.loop) {
    const int fd = socket_->get();
    (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    watch();
}

// Others may hold the same socket, so that closing it here would not do.
void Listener::stop() {
    if (is_stopped_) return;
    is_stopped_ = true;
    rest_.cancel();
    thread_.loop.forget(socket_->get());
}

void Listener::watch() {
    const std::uint32_t events = is_shared_ ? std::uint32_t{EPOLLIN | EPOLLEXCLUSIVE} : std::uint32_t{EPOLLIN};
    if (!thread_.loop.watch(socket_->get(), *this, events)) rest_.set(rest_time, [this] { watch(); });
}

// Without descriptors or memory the next try would fail as well, and be asked for at once.
void Listener::rest() {
    thread_.loop.forget(socket_->get());
    rest_.set(rest_time, [this] { watch(); });
}

void Listener::on_events(std::uint32_t /*events*/) {
    for (int i = 0; i < most_at_once && !is_stopped_; ++i) {
        base::UniqueFd accepted(::accept4(socket_->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (accepted.valid()) {
            begin_relay(std::move(accepted));
            continue;
        }
        if (errno == EAGAIN) return;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return rest();
    }
}

void Listener::begin_relay(base::UniqueFd accepted) {
    switch (purpose_.direction) {
        case Direction::outbound:
            return relay::begin_relay(thread_, std::make_unique<Outbound>(thread_, std::move(accepted)));
        case Direction::inbound:
            return relay::begin_relay(thread_, std::make_unique<Inbound>(thread_, std::move(accepted)));
        case Direction::edge:
            return begin_edge(std::move(accepted));
    }
}

// What is told of listeners and the sockets themselves come by two ways: one that nothing is known of is on its way out.
void Listener::begin_edge(base::UniqueFd accepted) {
    if (thread_.configuration == nullptr) return;
    const auto& edges = thread_.configuration->edges;
    const auto found = edges.find(purpose_.edge);
    if (found != edges.end())
        relay::begin_relay(thread_, std::make_unique<EdgeRelay>(thread_, std::move(accepted), found->second));
}

}  // namespace meshd::relay
