// SPDX-License-Identifier: Apache-2.0
#include "reconcile/proposal.hpp"

#include <utility>

namespace meshd::reconcile {

namespace {

void keep_backends(model::Service& service, const model::Service& now) {
    for (auto& port : service.ports)
        for (const auto& known : now.ports)
            if (known.number == port.number && known.protocol == port.protocol) port.backends = known.backends;
}

// A service that was found in the kernel's maps has no source: it may be a file's.
bool is_of_another_registry(const model::Service& service) {
    return !service.source.empty() && !service.source.starts_with("file:");
}

}  // namespace

std::vector<model::ServicePtr> beside_other_registries(std::vector<model::Service> files, const std::set<std::string>& asked,
                                                       bool complete, const Services& now) {
    std::vector<model::ServicePtr> result;
    std::set<std::string> named;
    for (auto& service : files) {
        named.insert(service.name);
        const auto known = now.find(service.name);
        if (known != now.end() && asked.contains(service.name)) keep_backends(service, *known->second);
        result.push_back(std::make_shared<const model::Service>(std::move(service)));
    }
    if (!complete) return result;
    for (const auto& [name, service] : now)
        if (!named.contains(name) && is_of_another_registry(*service)) result.push_back(service);
    return result;
}

}  // namespace meshd::reconcile
