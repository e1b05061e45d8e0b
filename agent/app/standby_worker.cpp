// SPDX-License-Identifier: Apache-2.0
#include "app/standby_worker.hpp"

#include <optional>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>

namespace meshd::app {

// Lives as long as the process' handlers.
struct StandbyWorker::State {
    boost::asio::io_context& io;
    WorkerHandlers handlers;
    OnReady on_ready;  // null: it was called, or nobody waits any more
    bool waits = true;
    base::UniqueFd handover{};
    channel::Channel* channel = nullptr;
    std::optional<channel::Message> hello{};
    std::optional<std::string> down{};

    void tell(base::Result<void> outcome) {
        boost::asio::post(io, [ready = std::exchange(on_ready, nullptr), outcome = std::move(outcome)] {
            if (ready) ready(outcome);
        });
    }
};

StandbyWorker::StandbyWorker(boost::asio::io_context& io, WorkerOptions options, WorkerHandlers handlers, OnReady on_ready)
    : state_(std::make_shared<State>(State{io, std::move(handlers), std::move(on_ready)})) {
    WorkerHandlers between;
    between.on_handover = [state = state_](base::UniqueFd socket) {
        if (!state->waits) return state->handlers.on_handover(std::move(socket));
        state->handover = std::move(socket);
    };
    between.on_channel_open = [state = state_](channel::Channel& channel) {
        if (!state->waits) return state->handlers.on_channel_open(channel);
        state->channel = &channel;
    };
    between.on_message = [state = state_](channel::Message message) {
        if (!state->waits) return state->handlers.on_message(std::move(message));
        state->hello = std::move(message);  // all that it has to say before it is told anything
        state->tell({});
    };
    between.on_down = [state = state_](std::string_view why) {
        if (!state->waits) return state->handlers.on_down(why);
        state->channel = nullptr;
        state->down = why;
        state->tell(base::fail({"start", "another worker", 0, std::string(why), "the worker before goes on; see the log"}));
    };
    process_ = std::make_unique<WorkerProcess>(io, std::move(options), std::move(between));
}

StandbyWorker::~StandbyWorker() { state_->on_ready = nullptr; }

base::Result<void> StandbyWorker::start() { return process_->start(); }

void StandbyWorker::take_place(std::unique_ptr<WorkerProcess>& place) {
    place = std::move(process_);
    const auto state = state_;
    state->waits = false;
    if (state->channel != nullptr) {
        state->handlers.on_handover(std::move(state->handover));
        state->handlers.on_channel_open(*state->channel);
        state->handlers.on_message(std::move(*state->hello));
    }
    if (state->down) state->handlers.on_down(*state->down);
}

}  // namespace meshd::app
