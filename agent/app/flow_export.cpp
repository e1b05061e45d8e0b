// SPDX-License-Identifier: Apache-2.0
#include "app/flow_export.hpp"

#include <utility>

#include <boost/asio/post.hpp>

#include "channel/split.hpp"

namespace meshd::app {

namespace {

std::vector<std::string> frames_of(const channel::FlowEvents& flows) {
    std::vector<std::string> frames;
    channel::split_flows(flows, [&](std::string_view frame) { frames.emplace_back(frame); });
    return frames;
}

}  // namespace

void FlowExport::configure() {
    const auto followed = context_.flows->follow(context_.settings.flow_export.choice(), [this](flows::ExportedEvents exported) {
        // Still on the thread of the flows: to make text of events is most of the work.
        channel::FlowEvents flows{std::move(exported.events), exported.lost, exported.left_out};
        const auto count = flows.events.size() + flows.lost;
        boost::asio::post(io_, [this, count, frames = frames_of(flows)] { send(frames, count); });
    });
    if (followed)
        context_.degradations.clear("flow events");
    else
        context_.degradations.set("flow events", followed.error().message(),
                                  "flows are neither logged nor exported; restart meshd");
}

void FlowExport::send(const std::vector<std::string>& frames, std::uint64_t events) {
    if (lost_ != 0 && worker_.send_flows(frames_of({{}, lost_, {}}))) lost_ = 0;
    if (lost_ != 0 || !worker_.send_flows(frames)) lost_ += events;
}

}  // namespace meshd::app
