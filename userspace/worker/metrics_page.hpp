// SPDX-License-Identifier: Apache-2.0
// The worker's page for Prometheus: /metrics, /healthz and an index. What it serves at /metrics is asked of the agent for each
// scrape; scrapes that overlap share one answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/address.hpp"
#include "channel/messages.hpp"
#include "http/message.hpp"
#include "worker/page_listener.hpp"

namespace meshd::worker {

struct MetricsTimes {
    std::chrono::milliseconds answer_timeout{5000};  // for the agent's answer; then the scrape gets 503
    std::chrono::milliseconds listen_retry{3000};    // between attempts to take an address that is not to be had
};

struct MetricsHooks {
    std::function<void(channel::MetricsRequest)> ask_agent;
    std::function<std::vector<prometheus::MetricFamily>()> own_families;  // added to the agent's
    std::function<std::string()> why_unhealthy;                           // empty: healthy
    std::function<void()> on_listen_change;                               // address() or error() is another
};

// Everything runs on the thread of the loop.
class MetricsPage {
public:
    MetricsPage(boost::asio::io_context& context, MetricsHooks hooks, MetricsTimes times = {});
    MetricsPage(const MetricsPage&) = delete;
    MetricsPage& operator=(const MetricsPage&) = delete;

    // As PageListener says it.
    void listen_at(const std::optional<base::SocketAddress>& address) { listener_.listen_at(address); }
    void take_answer(const channel::MetricsPart& answer);

    [[nodiscard]] std::string address() const { return listener_.address(); }
    [[nodiscard]] const std::string& error() const { return listener_.error(); }
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }  // scrapes

private:
    void handle(const http::Request& request, http::Respond respond);
    void scrape(http::Respond respond);
    void answer_all(const http::Response& response);

    MetricsHooks hooks_;
    MetricsTimes times_;
    PageListener listener_;
    boost::asio::steady_timer timeout_;
    std::uint64_t request_ = 0;           // id of the last one sent to the agent
    std::vector<http::Respond> waiting_;  // for the answer to it
};

}  // namespace meshd::worker
