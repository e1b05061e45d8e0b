// SPDX-License-Identifier: Apache-2.0
#include "registry/queries.hpp"

#include <utility>

namespace meshd::registry {

model::ServicePtr with_backends(const model::Service& service, const std::vector<model::Backend>& answer,
                                std::string_view answerer) {
    auto filled = std::make_shared<model::Service>(service);
    filled->source += " + " + std::string(answerer);
    for (std::size_t i = 0; i < filled->ports.size(); ++i) {
        auto& port = filled->ports[i];
        std::set<base::SocketAddress> taken;
        for (auto backend : answer) {
            if (filled->ports.size() > 1 || backend.endpoint.port == 0) backend.endpoint.port = filled->target_ports[i];
            const bool fits = filled->forward != model::Forward::dsr || backend.endpoint.port == port.number;
            if (fits && taken.insert(backend.endpoint).second) port.backends.push_back(std::move(backend));
        }
    }
    return filled;
}

std::vector<model::Backend> answer_of(const model::Service& service) {
    if (service.ports.empty()) return {};
    auto answer = service.ports.front().backends;
    if (service.ports.size() > 1)
        for (auto& backend : answer) backend.endpoint.port = 0;
    return answer;
}

void Queries::set(const std::string& service, const model::BackendsFrom* query) {
    const auto known = of_.find(service);
    if (known == of_.end() ? query == nullptr : query != nullptr && known->second == *query) return;
    if (known != of_.end()) {
        const auto waiting = waiting_.find(known->second);
        waiting->second.erase(service);
        if (waiting->second.empty()) {
            waiting_.erase(waiting);
            changed_ = true;
        }
        of_.erase(known);
    }
    if (query == nullptr) return;
    of_.emplace(service, *query);
    auto& waiting = waiting_[*query];
    changed_ = changed_ || waiting.empty();
    waiting.insert(service);
}

const std::set<std::string>& Queries::waiting_for(const model::BackendsFrom& query) const {
    static const std::set<std::string> nobody;
    const auto found = waiting_.find(query);
    return found == waiting_.end() ? nobody : found->second;
}

}  // namespace meshd::registry
