// SPDX-License-Identifier: Apache-2.0
// The part of the worker that has to do with services of this host.
#include <utility>

#include <spdlog/spdlog.h>

#include "worker/announcement_report.hpp"
#include "worker/worker.hpp"

namespace meshd::worker {

namespace {

constexpr std::chrono::milliseconds leave_time{1500};  // the agent kills a worker that takes longer than two seconds

}  // namespace

void Worker::follow_announcements(bool is_first) {
    announce::Plan plan{settings_->registries,
                        settings_->announcements,
                        {settings_->drained.begin(), settings_->drained.end()},
                        settings_->locality,
                        {}};
    // Later this worker itself knows better.
    if (is_first) plan.known = {settings_->announced.begin(), settings_->announced.end()};
    announcements_->follow(plan);
}

// While this worker ends the agent does not read any more.
void Worker::report_announcements() {
    if (is_leaving_) return;
    auto now = announcements_json(announcements_->views());
    if (now == announcements_reported_) return;
    (void)channel_.send(channel::encode(channel::AnnouncementsReport{now}));
    announcements_reported_ = std::move(now);
}

// The services of this host leave with the agent.
void Worker::leave(std::string_view why, std::chrono::seconds longest) {
    if (std::exchange(is_leaving_, true)) return;
    leaving_for_ = longest;
    spdlog::info("ending: {}", why);
    if (!announcements_) return context_.stop();
    announcements_->withdraw([this] { end_leaving(); });
    leave_timer_.expires_after(leave_time);
    leave_timer_.async_wait([this](const boost::system::error_code& ec) {
        if (ec) return;
        spdlog::warn("a registry does not answer: what is announced there ends with its time to live");
        end_leaving();
    });
}

void Worker::end_leaving() {
    leave_timer_.cancel();
    if (leaving_for_.count() == 0) return context_.stop();
    retire(leaving_for_);
}

}  // namespace meshd::worker
