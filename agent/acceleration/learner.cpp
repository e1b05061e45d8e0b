// SPDX-License-Identifier: Apache-2.0
#include "acceleration/learner.hpp"

#include <algorithm>

namespace meshd::acceleration {

std::optional<Learner::Clock::time_point> Learner::left(const std::string& service, std::uint64_t opened, Clock::time_point now) {
    auto& memory = services_[service];
    if (now < memory.off_until) return std::nullopt;
    auto& recent = memory.recent;
    while (!recent.empty() && now - recent.front().at > window) recent.pop_front();
    recent.push_back({now, opened});
    const auto opened_meanwhile = opened - std::min(opened, recent.front().opened) + 1;
    if (recent.size() < enough || recent.size() * 100 < opened_meanwhile * share_percent) return std::nullopt;
    return turn_off(memory, now);
}

std::optional<Learner::Clock::time_point> Learner::sent(const std::string& service, const Messages& messages,
                                                        Clock::time_point now) {
    const auto all = messages.by_short + messages.by_tcp;
    if (messages.by_tcp < enough_messages || messages.by_tcp * 100 < all * messages_percent) return std::nullopt;
    auto& memory = services_[service];
    if (now < memory.off_until) return std::nullopt;
    return turn_off(memory, now);
}

Learner::Clock::time_point Learner::turn_off(Memory& memory, Clock::time_point now) {
    memory.recent.clear();
    memory.off_for = memory.off_for == std::chrono::seconds{0} ? first_time : std::min(memory.off_for * 2, longest);
    memory.off_until = now + memory.off_for;
    return memory.off_until;
}

std::map<std::string, Learner::Clock::time_point> Learner::off(Clock::time_point now) const {
    std::map<std::string, Clock::time_point> all;
    for (const auto& [service, memory] : services_)
        if (now < memory.off_until) all.emplace(service, memory.off_until);
    return all;
}

void Learner::expire(Clock::time_point now) {
    // A service that behaved for as long as it was off begins anew.
    std::erase_if(services_, [&](const auto& entry) {
        const auto& memory = entry.second;
        const bool quiet = memory.recent.empty() || now - memory.recent.back().at > window;
        return quiet && now > memory.off_until + memory.off_for;
    });
}

}  // namespace meshd::acceleration
