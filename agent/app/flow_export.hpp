// SPDX-License-Identifier: Apache-2.0
// Brings events of flows to the worker, whose exporters pass them on; none when no exporter wants any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "app/context.hpp"
#include "app/worker_link.hpp"

namespace meshd::app {

class FlowExport {
public:
    FlowExport(boost::asio::io_context& io, Context& context, WorkerLink& worker) : io_(io), context_(context), worker_(worker) {}

    // By the context's settings.
    void configure();

private:
    void send(const std::vector<std::string>& frames, std::uint64_t events);

    boost::asio::io_context& io_;
    Context& context_;
    WorkerLink& worker_;
    std::uint64_t lost_ = 0;  // events that the worker has not been told of
};

}  // namespace meshd::app
