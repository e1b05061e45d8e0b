// SPDX-License-Identifier: Apache-2.0
// One flow, whichever way the node came to know of it, seen from its client's side. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "control/agent_view.hpp"
#include "meshd/abi.h"

namespace meshd::flows {

using State = control::FlowState;
using Source = control::FlowSource;

struct Flow {
    md_endpoint client{};   // as the client's packets name them
    md_endpoint server{};   // a backend where there is a service
    md_endpoint service{};  // what the client asked for, where that is not the server
    std::uint32_t service_id = 0;
    std::uint32_t backend_id = 0;
    Source source = Source::client;
    State state = State::opening;
    std::uint64_t start_ns = 0;  // CLOCK_MONOTONIC
    std::uint64_t seen_ns = 0;   // of the last change that the kernel noted
    std::uint64_t cgroup = 0;
    std::uint64_t socket = 0;  // 0: none to ask
    std::uint64_t cookie = 0;
    std::uint32_t device = 0;
    std::uint32_t connect_us = 0;
    md_socket_numbers numbers{};  // out: from the client to the server
    md_flow_key key{};            // of its record; forwarded flows have none

    [[nodiscard]] bool is_over() const { return state >= State::closed; }
};

Flow from_record(const md_flow_key& key, const md_flow& record);

// A forwarded connection: the track of its requests, and that of its replies (nullptr: none seen).
Flow from_tracks(const md_track_key& key, const md_track& request, const md_track* reply);
// Where the replies of a track of requests are.
md_track_key reply_key(const md_track_key& key, const md_track& request);
// The key of packets the other way, as they are at the same place.
md_track_key turned(const md_track_key& key);

// What is told of a flow that nothing was seen of for so long that the agent forgets it: MD_FLOW_END_AGED.
md_flow_event aged_out(const md_flow_key& key, const md_flow& record);
md_flow_event aged_out(const md_track_key& key, const md_track& request, const md_track* reply);

md_socket_view question(const Flow& flow);
// What its socket says now. False: there is no such socket any more.
bool take(Flow& flow, const md_socket_view& answer);

// Bytes both ways, whichever way they took.
std::uint64_t bytes(const Flow& flow);

}  // namespace meshd::flows
