// SPDX-License-Identifier: Apache-2.0
// Takes connections for one relay thread.
#pragma once

#include <memory>

#include "relay/thread_state.hpp"

namespace meshd::relay {

class Listener final : public Watcher {
public:
    // `is_shared`: other threads take from this socket as well.
    Listener(ThreadState& thread, Purpose purpose, std::shared_ptr<const base::UniqueFd> socket, bool is_shared);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() override { stop(); }

    [[nodiscard]] const Purpose& purpose() const { return purpose_; }
    void stop();
    void on_events(std::uint32_t events) override;

private:
    void watch();
    void rest();
    void begin_relay(base::UniqueFd accepted);
    void begin_edge(base::UniqueFd accepted);

    ThreadState& thread_;
    Purpose purpose_;
    std::shared_ptr<const base::UniqueFd> socket_;
    bool is_shared_;
    Timer rest_;
    bool is_stopped_ = false;
};

}  // namespace meshd::relay
