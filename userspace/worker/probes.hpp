// SPDX-License-Identifier: Apache-2.0
// Active probes of the backends that the registry names, from its changes to the agent's channel.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "channel/messages.hpp"
#include "health/prober.hpp"
#include "registry/catalog.hpp"

namespace meshd::worker {

struct ProbesHooks {
    std::function<bool()> may_send;  // false: later, when the agent has read more
    std::function<void(std::string_view frame)> send;
    health::Dial dial;
};

class Probes {
public:
    // Everything runs on the thread of the loop.
    Probes(boost::asio::io_context& context, ProbesHooks hooks);

    // Another registry: what it does not name once it is complete is no longer probed.
    void begin_again() { is_swept_ = false; }
    void take(const registry::Change& change, const model::DesiredState& state);

    void watch(const channel::Ejected& ejected);

    [[nodiscard]] std::vector<prometheus::MetricFamily> families() const;

private:
    void send_soon(std::chrono::milliseconds delay);

    ProbesHooks hooks_;
    health::Prober prober_;
    boost::asio::steady_timer send_timer_;
    bool is_swept_ = false;
};

}  // namespace meshd::worker
