// SPDX-License-Identifier: Apache-2.0
// A worker that is to take the place of another: it is started and says hello, and knows nothing else until it does.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "app/worker_process.hpp"

namespace meshd::app {

class StandbyWorker {
public:
    // Called once, from the io_context: it has said hello, or an error why it never did. It may destroy this.
    using OnReady = std::function<void(base::Result<void>)>;

    // `handlers`: of the process once it has taken its place.
    StandbyWorker(boost::asio::io_context& io, WorkerOptions options, WorkerHandlers handlers, OnReady on_ready);
    StandbyWorker(const StandbyWorker&) = delete;
    StandbyWorker& operator=(const StandbyWorker&) = delete;
    ~StandbyWorker();  // ends it, unless it has taken its place

    base::Result<void> start();
    // After on_ready. What it has missed it is told from within: on_handover, on_channel_open, on_message with its Hello, and
    // on_down if it is gone already.
    void take_place(std::unique_ptr<WorkerProcess>& place);

private:
    struct State;
    std::shared_ptr<State> state_;
    std::unique_ptr<WorkerProcess> process_;
};

}  // namespace meshd::app
