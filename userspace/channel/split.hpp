// SPDX-License-Identifier: Apache-2.0
// Messages of any size, cut into frames. Each frame is handed to `emit` as JSON text for Channel::send_text() as soon as it is
// full, so no more than one frame is held here.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>

#include "channel/messages.hpp"

namespace meshd::channel {

inline constexpr std::size_t frame_goal = std::size_t{256} << 10;  // bytes after which a frame is closed and the next begun

using Emit = std::function<void(std::string_view frame)>;

// delta.last is not looked at: the last frame gets it. An empty delta is one frame. Returns the names of the services that were
// left out because one of them alone is larger than max_frame; when there are any, a full batch is sent as not complete, so that
// what the agent knows of them stays.
std::vector<std::string> split_delta(const Delta& delta, const Emit& emit);

// policies.last is not looked at. One rule is far smaller than a frame.
void split_policies(const Policies& policies, const Emit& emit);

// Each of at most model::max_pods.
void split_pods(const std::vector<model::Pod>& pods, const Emit& emit);

void split_registry_status(const RegistryStatus& status, const Emit& emit);

// Each frame is a message of its own; the first has the counts.
void split_flows(const FlowEvents& flows, const Emit& emit);

void split_health(const HealthReport& report, const Emit& emit);

// `families` as in the metrics form. A family with many samples is cut between samples and goes on in the next frame under the
// same name, help and kind. A single sample is never cut: it is far smaller than a frame.
void split_metrics(std::uint64_t id, const boost::json::array& families, const Emit& emit);

// `body` of an answer with this status.
void split_view(std::uint64_t id, std::uint64_t status, std::string body, const Emit& emit);

}  // namespace meshd::channel
