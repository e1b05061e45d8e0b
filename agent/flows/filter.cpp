// SPDX-License-Identifier: Apache-2.0
#include "flows/filter.hpp"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

namespace meshd::flows {

namespace {

bool is(const base::SocketAddress& wanted, const md_endpoint& endpoint) {
    return std::memcmp(wanted.address.bytes.data(), endpoint.address.bytes, sizeof endpoint.address.bytes) == 0 &&
           (wanted.port == 0 || wanted.port == ntohs(endpoint.port));
}

}  // namespace

bool Filter::may_match(const Flow& flow, std::uint64_t now_ns) const {
    if (services && !services->contains(flow.service_id)) return false;
    if (source && *source != flow.source) return false;
    if (state && (is_over(*state) ? *state != flow.state : flow.is_over())) return false;
    if (min_age_ns != 0 && flow.start_ns + min_age_ns > now_ns) return false;
    if (backend && (flow.backend_id == 0 || !is(*backend, flow.server))) return false;
    return !address || is(*address, flow.client) || is(*address, flow.server) || is(*address, flow.service);
}

bool Best::needs_sockets(control::FlowSort sort) {
    return sort == control::FlowSort::bytes || sort == control::FlowSort::rtt || sort == control::FlowSort::retransmits ||
           sort == control::FlowSort::response;
}

bool Best::comes_before(const Flow& one, const Flow& other) const {
    switch (sort_) {
        case control::FlowSort::bytes:
            return bytes(one) > bytes(other);
        case control::FlowSort::rtt:
            return one.numbers.rtt_us > other.numbers.rtt_us;
        case control::FlowSort::retransmits:
            return one.numbers.retransmits > other.numbers.retransmits;
        case control::FlowSort::connect:
            return one.connect_us > other.connect_us;
        case control::FlowSort::response:
            return one.numbers.response_us > other.numbers.response_us;
        case control::FlowSort::age:
            break;
    }
    return one.start_ns > other.start_ns;
}

void Best::put(const Flow& flow) {
    flows_.push_back(flow);
    if (flows_.size() >= 2 * limit_ + 1024) cut();
}

void Best::cut() {
    if (flows_.size() <= limit_) return;
    const auto end = flows_.begin() + static_cast<std::ptrdiff_t>(limit_);
    std::nth_element(flows_.begin(), end, flows_.end(), [this](const auto& a, const auto& b) { return comes_before(a, b); });
    flows_.erase(end, flows_.end());
}

std::vector<Flow> Best::take() {
    cut();
    std::stable_sort(flows_.begin(), flows_.end(), [this](const auto& a, const auto& b) { return comes_before(a, b); });
    return std::move(flows_);
}

}  // namespace meshd::flows
