// SPDX-License-Identifier: Apache-2.0
#include "registry/guard.hpp"

#include <algorithm>
#include <vector>

namespace meshd::registry {

namespace {

std::vector<base::SocketAddress> endpoints(std::span<const model::Backend> backends, bool only_ready) {
    std::vector<base::SocketAddress> all;
    all.reserve(backends.size());
    for (const auto& backend : backends)
        if (!only_ready || backend.state == model::BackendState::ready) all.push_back(backend.endpoint);
    std::sort(all.begin(), all.end());
    return all;
}

std::size_t missing(const std::vector<base::SocketAddress>& of, const std::vector<base::SocketAddress>& in) {
    std::vector<base::SocketAddress> rest;
    std::set_difference(of.begin(), of.end(), in.begin(), in.end(), std::back_inserter(rest));
    return rest.size();
}

}  // namespace

Loss& Loss::operator+=(const Loss& other) {
    before += other.before;
    lost += other.lost;
    return *this;
}

Loss loss(std::span<const model::Backend> before, std::span<const model::Backend> after) {
    const auto ready = endpoints(before, true);
    const auto now = endpoints(after, false);
    const auto gone = missing(ready, now);
    if (gone == 0) return {ready.size(), 0};
    const auto come = missing(now, endpoints(before, false));
    return {ready.size(), gone > come ? gone - come : 0};
}

Loss loss(const model::Service* before, const model::Service* after) {
    Loss sum;
    if (before == nullptr) return sum;
    for (const auto& port : before->ports) {
        std::span<const model::Backend> now;
        if (after != nullptr)
            for (const auto& other : after->ports)
                if (other.number == port.number && other.protocol == port.protocol) now = other.backends;
        sum += loss(port.backends, now);
    }
    return sum;
}

bool is_too_much(const Loss& loss, std::uint32_t share) { return share < 100 && loss.lost * 100 > loss.before * share; }

}  // namespace meshd::registry
