// SPDX-License-Identifier: Apache-2.0
#include "app/retired_workers.hpp"

#include <csignal>
#include <utility>

#include <fcntl.h>

#include <spdlog/spdlog.h>

namespace meshd::app {

namespace {

constexpr std::chrono::seconds patience{5};  // with one that should have ended

}  // namespace

void RetiredWorkers::add(WorkerChild child, std::chrono::seconds longest) {
    const auto now = std::chrono::system_clock::now();
    const One shown{child.pid(), now, now + longest};
    auto& entry = entries_.emplace_back(io_, std::move(child), shown);
    boost::system::error_code error;
    entry.exit.assign(::fcntl(entry.child.pidfd(), F_DUPFD_CLOEXEC, 0), error);
    if (error) {
        spdlog::warn("watch retired worker {}: {}", shown.pid, error.message());
        entries_.pop_back();
        return;
    }
    entry.deadline.expires_after(longest + patience);
    entry.deadline.async_wait([&entry](const boost::system::error_code& failed) {
        if (!failed) entry.child.send_signal(SIGKILL);
    });
    wait(std::prev(entries_.end()));
}

void RetiredWorkers::wait(std::list<Entry>::iterator entry) {
    entry->exit.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this, entry](const boost::system::error_code& failed) {
                               if (failed) return;
                               if (!entry->child.wait_ended(std::chrono::milliseconds(0))) return wait(entry);
                               spdlog::info("retired worker {} {}", entry->shown.pid, entry->child.reap());
                               entries_.erase(entry);
                           });
}

std::vector<RetiredWorkers::One> RetiredWorkers::all() const {
    std::vector<One> all;
    for (const auto& entry : entries_) all.push_back(entry.shown);
    return all;
}

void RetiredWorkers::leave() {
    for (auto& entry : entries_) entry.child.leave();
    entries_.clear();
}

}  // namespace meshd::app
