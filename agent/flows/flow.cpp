// SPDX-License-Identifier: Apache-2.0
#include "flows/flow.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace meshd::flows {

namespace {

md_endpoint endpoint(const md_address& address, __be16 port, std::uint8_t protocol) { return {address, port, protocol, 0}; }

// Numbers are those of the socket that owns the flow.
md_socket_numbers turned(md_socket_numbers numbers) {
    std::swap(numbers.bytes_out, numbers.bytes_in);
    std::swap(numbers.short_out, numbers.short_in);
    std::swap(numbers.packets_out, numbers.packets_in);
    return numbers;
}

State state_of(std::uint8_t state) {
    switch (state) {
        case MD_FLOW_OPENING:
            return State::opening;
        case MD_FLOW_ESTABLISHED:
            return State::established;
        case MD_FLOW_CLOSED:
            return State::closed;
        case MD_FLOW_RESET:
            return State::reset;
        default:
            return State::failed;
    }
}

Source source_of(const md_flow& record) {
    if (record.source == MD_FLOW_TRACK) return Source::forwarding;
    if (record.source == MD_FLOW_DEVICE) return Source::device;
    return record.outgoing != 0 ? Source::client : Source::server;
}

// include/net/tcp_states.h; a socket in TIME_WAIT is another one, and its flow has ended.
constexpr std::uint8_t tcp_established = 1;
constexpr std::uint8_t tcp_syn_sent = 2;

}  // namespace

Flow from_record(const md_flow_key& key, const md_flow& record) {
    Flow flow;
    const auto low = endpoint(key.low, key.low_port, key.protocol);
    const auto high = endpoint(key.high, key.high_port, key.protocol);
    const bool high_opened = record.client != 0;
    flow.client = high_opened ? high : low;
    flow.server = high_opened ? low : high;
    flow.service = record.service;
    flow.service_id = record.service_id;
    flow.backend_id = record.backend_id;
    flow.source = source_of(record);
    flow.state = state_of(record.state);
    flow.start_ns = record.start_ns;
    flow.seen_ns = record.seen_ns;
    flow.cgroup = record.cgroup;
    flow.socket = record.socket;
    flow.cookie = record.cookie;
    flow.device = record.device;
    flow.connect_us = record.connect_us;
    flow.key = key;
    const auto& out = record.ways[high_opened ? 1 : 0];
    const auto& in = record.ways[high_opened ? 0 : 1];
    flow.numbers = {out.bytes,
                    in.bytes,
                    out.bytes_short,
                    in.bytes_short,
                    static_cast<__u32>(out.packets),
                    static_cast<__u32>(in.packets),
                    record.rtt_us,
                    record.min_rtt_us,
                    record.retransmits,
                    record.response_us};
    return flow;
}

md_track_key reply_key(const md_track_key& key, const md_track& request) {
    md_track_key reply{};
    reply.source = request.destination;
    reply.destination = request.source;
    reply.source_port = request.destination_port;
    reply.destination_port = request.source_port;
    reply.protocol = key.protocol;
    return reply;
}

md_track_key turned(const md_track_key& key) {
    auto other = key;
    std::swap(other.source, other.destination);
    std::swap(other.source_port, other.destination_port);
    return other;
}

md_flow_event aged_out(const md_flow_key& key, const md_flow& record) {
    md_flow_event event{};
    event.key = key;
    event.change = MD_FLOW_ENDED;
    event.reason = MD_FLOW_END_AGED;
    event.flow = record;
    event.flow.state = MD_FLOW_CLOSED;
    return event;
}

md_flow_event aged_out(const md_track_key& key, const md_track& request, const md_track* reply) {
    // The order of the two ends is that of their bytes.
    const auto client = endpoint(key.source, key.source_port, key.protocol);
    const auto server = endpoint(request.destination, request.destination_port, key.protocol);
    const bool client_is_low = std::memcmp(&client, &server, sizeof client) <= 0;
    const auto& low = client_is_low ? client : server;
    const auto& high = client_is_low ? server : client;
    md_flow flow{};
    flow.client = client_is_low ? 0 : 1;
    flow.ways[client_is_low ? 0 : 1] = {request.bytes, 0, request.packets, 0, 0};
    if (reply != nullptr) flow.ways[client_is_low ? 1 : 0] = {reply->bytes, 0, reply->packets, 0, 0};
    flow.start_ns = request.start_ns;
    flow.seen_ns = reply != nullptr ? std::max(request.seen_ns, reply->seen_ns) : request.seen_ns;
    flow.service_id = request.service_id;
    flow.backend_id = request.backend_id;
    flow.service = endpoint(key.destination, key.destination_port, key.protocol);
    flow.response_us = request.response_us;
    flow.device = request.device;
    flow.source = MD_FLOW_TRACK;
    return aged_out({low.address, high.address, low.port, high.port, key.protocol, 0, {}}, flow);
}

Flow from_tracks(const md_track_key& key, const md_track& request, const md_track* reply) {
    Flow flow;
    flow.client = endpoint(key.source, key.source_port, key.protocol);
    flow.server = endpoint(request.destination, request.destination_port, key.protocol);
    flow.service = endpoint(key.destination, key.destination_port, key.protocol);
    flow.service_id = request.service_id;
    flow.backend_id = request.backend_id;
    flow.source = Source::forwarding;
    flow.start_ns = request.start_ns;
    flow.seen_ns = request.seen_ns;
    flow.device = request.device;
    flow.numbers.bytes_out = request.bytes;
    flow.numbers.packets_out = static_cast<__u32>(request.packets);
    flow.numbers.response_us = request.response_us;
    if (reply != nullptr) {
        flow.numbers.bytes_in = reply->bytes;
        flow.numbers.packets_in = static_cast<__u32>(reply->packets);
        if (reply->seen_ns > flow.seen_ns) flow.seen_ns = reply->seen_ns;
    }
    switch (request.state) {
        case MD_TRACK_OPENING:
            flow.state = State::opening;
            break;
        case MD_TRACK_CLOSING:
            flow.state = State::closing;
            break;
        case MD_TRACK_CLOSED:
            flow.state = (request.fins & MD_TRACK_RESET) != 0 ? State::reset : State::closed;
            break;
        default:
            flow.state = State::established;
    }
    return flow;
}

md_socket_view question(const Flow& flow) {
    md_socket_view view{};
    view.socket = flow.socket;
    view.cookie = flow.cookie;
    view.outgoing = flow.source == Source::client ? 1 : 0;
    return view;
}

bool take(Flow& flow, const md_socket_view& answer) {
    if (answer.alive == 0) return false;
    flow.numbers = flow.source == Source::client ? answer.numbers : turned(answer.numbers);
    if (answer.tcp_state == tcp_syn_sent)
        flow.state = State::opening;
    else
        flow.state = answer.tcp_state == tcp_established ? State::established : State::closing;
    return true;
}

std::uint64_t bytes(const Flow& flow) {
    const auto& numbers = flow.numbers;
    return numbers.bytes_out + numbers.bytes_in + numbers.short_out + numbers.short_in;
}

}  // namespace meshd::flows
