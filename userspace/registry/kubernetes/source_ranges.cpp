// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/source_ranges.hpp"

#include <fmt/format.h>

#include "model/service.hpp"

namespace meshd::registry::kubernetes {

namespace {

class Rules {
public:
    explicit Rules(const Service& service) : service_(service) {}

    void add(model::Action action, const base::IpAddress& to, const ServicePortSpec& port, std::optional<base::Prefix> from) {
        all_.push_back({.name = fmt::format("{}/{}-{}", service_.key, model::name(action), all_.size() + 1),
                        .action = action,
                        .workload = {},
                        .from = from,
                        .service = {},
                        .to = base::Prefix::of(to),
                        .port = port.number,
                        .protocol = port.protocol,
                        .source = {}});
    }
    std::vector<model::Rule> take() { return std::move(all_); }

private:
    const Service& service_;
    std::vector<model::Rule> all_;
};

}  // namespace

base::Result<std::vector<model::Rule>> source_range_rules(const Service& service) {
    Rules rules(service);
    for (const auto& address : service.load_balancer_ips) {
        for (const auto& port : service.ports) {
            if (!port.protocol || service.source_ranges.empty()) continue;
            for (const auto& range : service.source_ranges)
                if (range.is_v4() == address.is_v4()) rules.add(model::Action::allow, address, port, range);
            rules.add(model::Action::deny, address, port, std::nullopt);
        }
    }
    auto all = rules.take();
    for (const auto& rule : all)
        if (!model::is_service_name(rule.name))
            return base::fail({"accept", "service " + service.key, 0,
                               fmt::format("its name is too long for rules about loadBalancerSourceRanges, \"{}\"", rule.name),
                               "give it a shorter name"});
    return all;
}

}  // namespace meshd::registry::kubernetes
