// SPDX-License-Identifier: Apache-2.0
// What the worker's probes said last of each backend. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "model/health.hpp"
#include "model/service.hpp"

namespace meshd::health {

struct ProbeVerdict {
    bool healthy = true;
    std::string reason;                                          // empty: nothing was decided yet, and this is how it begins
    std::optional<std::chrono::system_clock::time_point> since;  // nothing likewise
};

class HealthTable {
public:
    // `most`: of backends, all services together; what is beyond is not kept, and counts as nothing decided.
    explicit HealthTable(std::size_t most = 1048576) : most_(most) {}

    // Names of the services of which something changed.
    std::set<std::string> take(const std::vector<model::BackendHealth>& report);
    // The registry has changed: what it no longer names is forgotten.
    void keep(const model::Service& service);
    void forget(const std::string& service) { forget_all_of(service); }
    void keep_only(const std::set<std::string, std::less<>>& services);

    // Nothing decided for a service that is probed: what it says of the beginning. Not probed: healthy.
    [[nodiscard]] ProbeVerdict verdict(const model::Service& service, const model::ServicePort& port,
                                       const base::SocketAddress& backend) const;

    [[nodiscard]] std::size_t size() const { return size_; }

private:
    using Key = std::tuple<std::uint16_t, base::Protocol, base::SocketAddress>;
    void forget_all_of(const std::string& service);

    std::size_t most_;
    std::size_t size_ = 0;
    std::map<std::string, std::map<Key, ProbeVerdict>, std::less<>> services_;
};

}  // namespace meshd::health
