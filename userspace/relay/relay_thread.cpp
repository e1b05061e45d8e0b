// SPDX-License-Identifier: Apache-2.0
#include "relay/relay_thread.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <sys/eventfd.h>

#include "relay/outbound.hpp"
#include "relay/peer_leg.hpp"
#include "relay/pool.hpp"
#include "relay/relay.hpp"

namespace meshd::relay {

RelayThread::RelayThread(const Engine::Options& options) : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), state_(options) {
    if (!wake_.valid() || !state_.loop.watch(wake_.get(), *this, EPOLLIN))
        throw std::system_error(errno, std::generic_category(), "eventfd");
    // Signals are for the thread that waits for them.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(thread_.native_handle(), "relay");
}

RelayThread::~RelayThread() {
    tell([this] { state_.loop.stop(); });
    thread_.join();
}

void RelayThread::configure(std::shared_ptr<const Configuration> configuration) {
    tell([this, configuration = std::move(configuration)] {
        const auto before = std::exchange(state_.configuration, configuration);
        const bool is_same = before != nullptr && before->node == configuration->node &&
                             before->identities == configuration->identities && before->peer_port == configuration->peer_port;
        if (!is_same) state_.pool->clear();
        const Relay::Changed changed{before == nullptr || before->authorization != configuration->authorization,
                                     before == nullptr || before->node != configuration->node};
        for (auto at = state_.relays.begin(); at != state_.relays.end();) (*at++)->take_configuration(changed);
    });
}

void RelayThread::listen(Purpose purpose, Sockets sockets, bool are_shared) {
    tell([this, purpose = std::move(purpose), sockets = std::move(sockets), are_shared] {
        for (auto at = listeners_.begin(); at != listeners_.end();) {
            const auto listener = at++;
            if (listener->purpose() != purpose) continue;
            listener->stop();
            stopped_.splice(stopped_.end(), listeners_, listener);
        }
        for (const auto& socket : sockets) listeners_.emplace_back(state_, purpose, socket, are_shared);
    });
}

void RelayThread::adopt(base::UniqueFd application, const Steered& steered) {
    tell([this, shared = std::make_shared<base::UniqueFd>(std::move(application)), steered] {
        begin_relay(state_, std::make_unique<Outbound>(state_, std::move(*shared), steered));
    });
}

void RelayThread::tell(std::function<void()> what) {
    {
        const std::lock_guard lock(mutex_);
        told_.push_back(std::move(what));
    }
    (void)::eventfd_write(wake_.get(), 1);
}

// At once: whoever connects after configure() has returned finds what it said.
void RelayThread::on_events(std::uint32_t /*events*/) {
    eventfd_t ignored = 0;
    (void)::eventfd_read(wake_.get(), &ignored);
    std::vector<std::function<void()>> told;
    {
        const std::lock_guard lock(mutex_);
        told.swap(told_);
    }
    for (const auto& what : told) what();
}

void RelayThread::run() {
    state_.loop.run([this] {
        state_.forget_ended();
        stopped_.clear();
        state_.figures.in_use.set(listeners_.size() + state_.relays.size() + state_.draining);
    });
}

}  // namespace meshd::relay
