// SPDX-License-Identifier: Apache-2.0
#include "relay/engine.hpp"

#include <algorithm>
#include <utility>

#include "base/loopback_pair.hpp"
#include "relay/relay_thread.hpp"

namespace meshd::relay {

std::string_view name(Direction direction) {
    static constexpr std::array<std::string_view, relay_directions> names{"outbound", "inbound", "edge"};
    return names.at(static_cast<std::size_t>(direction));
}

class Engine::Threads : public std::vector<std::unique_ptr<RelayThread>> {};

Engine::Engine(Options options) : threads_(std::make_unique<Threads>()) {
    for (unsigned i = 0; i < std::max(options.threads, 1U); ++i) threads_->push_back(std::make_unique<RelayThread>(options));
}

Engine::~Engine() = default;

void Engine::configure(std::shared_ptr<const Configuration> configuration) {
    for (const auto& thread : *threads_) thread->configure(configuration);
}

// With as many sockets as threads each has its own, and the kernel spreads connections over them (SO_REUSEPORT).
void Engine::listen(const Purpose& purpose, std::vector<base::UniqueFd> sockets) {
    const bool are_shared = sockets.size() < threads_->size();
    RelayThread::Sockets all;
    for (auto& socket : sockets) all.push_back(std::make_shared<const base::UniqueFd>(std::move(socket)));
    for (std::size_t thread = 0; thread < threads_->size(); ++thread) {
        RelayThread::Sockets own;
        for (std::size_t i = thread; i < all.size(); i += threads_->size()) own.push_back(all[i]);
        if (own.empty() && !all.empty()) own.push_back(all[thread % all.size()]);
        (*threads_)[thread]->listen(purpose, std::move(own), are_shared);
    }
}

base::Result<base::UniqueFd> Engine::dial(const base::SocketAddress& backend, bool only_connects) {
    auto ends = base::loopback_pair();
    if (!ends) return tl::make_unexpected(ends.error());
    (*threads_)[dialled_++ % threads_->size()]->adopt(std::move(ends->second), {{}, backend, 0, only_connects});
    return std::move(ends->first);
}

Figures Engine::figures() const {
    Figures sum;
    for (const auto& thread : *threads_) thread->figures().add_to(sum);
    return sum;
}

}  // namespace meshd::relay
