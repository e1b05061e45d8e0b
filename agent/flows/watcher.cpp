// SPDX-License-Identifier: Apache-2.0
#include "flows/watcher.hpp"

#include <spdlog/spdlog.h>

namespace meshd::flows {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_pause = 30s;  // between two questions of one watcher
constexpr auto interval = 50ms;      // events that come together are delivered together, and waiters are looked after

}  // namespace

Watcher::Watcher(boost::asio::io_context& io, std::function<base::Result<void>(bool)> tell)
    : tell_(std::move(tell)), timer_(io) {}

base::Result<void> Watcher::open(const kernel::Datapath& datapath) {
    auto events = kernel::open_ring<md_flow_event>(datapath, "md_flow_events", [this](const md_flow_event& event) {
        if (told_) log_.put(event);
    });
    if (!events) return tl::make_unexpected(events.error());
    events_ = std::move(*events);
    events_->drain();  // what an earlier agent left behind
    return {};
}

base::Result<void> Watcher::watch(bool wanted) {
    if (auto told = tell_(wanted); !told) return told;
    told_ = wanted;
    if (wanted)
        tick();
    else
        log_.clear();
    return {};
}

void Watcher::wait(std::optional<std::uint64_t> cursor, Deliver deliver) {
    last_asked_ = std::chrono::steady_clock::now();
    if (!told_)
        if (auto told = watch(true); !told) spdlog::warn("{}", told.error().message());
    drain();
    waiters_.wait(log_, cursor, last_asked_, std::move(deliver));
}

void Watcher::tell(const md_flow_event& event) {
    if (told_) log_.put(event);
}

base::Result<void> Watcher::follow(Deliver follower) {
    const bool begins = follower && !follower_;
    follower_ = std::move(follower);
    if (follower_ && !told_)
        if (auto told = watch(true); !told) return told;
    if (begins) followed_ = log_.next();
    return {};
}

void Watcher::deliver_to_follower() {
    while (follower_) {
        auto part = log_.since(followed_);
        if (part.events.empty() && part.lost == 0) return;
        followed_ = part.next;
        follower_(std::move(part));
    }
}

void Watcher::drain() {
    if (events_) events_->drain();
}

void Watcher::tick() {
    timer_.expires_after(interval);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        drain();
        waiters_.deliver_what_is_there(log_, std::chrono::steady_clock::now());
        deliver_to_follower();
        if (waiters_.all().empty() && !follower_ && std::chrono::steady_clock::now() - last_asked_ > longest_pause) {
            if (auto told = watch(false); !told) spdlog::warn("{}", told.error().message());
            return;
        }
        tick();
    });
}

}  // namespace meshd::flows
