// SPDX-License-Identifier: Apache-2.0
// A worker whose place another one takes: what it carries goes on to its end. What is right for a connection may change
// meanwhile, so it follows registries and certificates as before.
#include <utility>

#include <sys/prctl.h>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "worker/worker.hpp"

namespace meshd::worker {

namespace {

constexpr std::chrono::milliseconds look_interval{100};

}  // namespace

void Worker::retire(std::chrono::seconds longest) {
    if (std::exchange(is_retired_, true)) return;
    spdlog::info("retired: what is in use goes on for at most {} s", longest.count());
    retirement_end_ = std::chrono::steady_clock::now() + longest;
    (void)::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);  // it may outlive the agent
    page_.listen_at(std::nullopt);
    picture_.configure(std::nullopt);
    announcements_.reset();  // without withdrawing: they are the next worker's
    probes_.reset();
    encryption_.retire();
    exporters_.finish();
    exporters_.configure({});
    // The agent waits for it: what the next worker needs is free now.
    channel_.close();
    end_with_the_last();
}

// The agent has closed the handover, or is gone; then the channel tells it, too.
void Worker::stop_taking() {
    takes_connections_ = false;
    encryption_.stop_listening();
}

void Worker::end_with_the_last() {
    const auto left = encryption_.in_use();
    const bool is_last = !takes_connections_ && left == 0;
    if (is_last || std::chrono::steady_clock::now() >= retirement_end_) {
        spdlog::info("ending: {}",
                     is_last ? "nothing is in use any more" : fmt::format("{} connections have had their time", left));
        return context_.stop();
    }
    retirement_timer_.expires_after(look_interval);
    retirement_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) end_with_the_last();
    });
}

}  // namespace meshd::worker
