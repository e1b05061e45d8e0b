// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "relay/listener.hpp"
#include "relay/thread_state.hpp"

namespace meshd::relay {

// One thread with its relays. What it is told it does between two events.
class RelayThread final : private Watcher {
public:
    explicit RelayThread(const Engine::Options& options);  // std::system_error: no descriptor or no thread
    RelayThread(const RelayThread&) = delete;
    RelayThread& operator=(const RelayThread&) = delete;
    ~RelayThread() override;

    using Sockets = std::vector<std::shared_ptr<const base::UniqueFd>>;
    void configure(std::shared_ptr<const Configuration> configuration);
    void listen(Purpose purpose, Sockets sockets, bool are_shared);
    void adopt(base::UniqueFd application, const Steered& steered);  // as if it had been accepted
    [[nodiscard]] const ThreadFigures& figures() const { return state_.figures; }

private:
    void tell(std::function<void()> what);
    void on_events(std::uint32_t events) override;
    void run();

    base::UniqueFd wake_;  // eventfd
    std::mutex mutex_;
    std::vector<std::function<void()>> told_;  // under the mutex
    ThreadState state_;
    std::list<Listener> listeners_, stopped_;  // the latter until no event of theirs is on its way
    std::thread thread_;
};

}  // namespace meshd::relay
