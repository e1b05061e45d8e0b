// SPDX-License-Identifier: Apache-2.0
#include "app/bounds_guard.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace meshd::app {

void BoundsGuard::hold(channel::Delta& delta, const model::DesiredState& state) {
    const auto& bounds = context_.settings.bounds;
    const auto& known = state.services;
    if (bounds == model::Bounds{}) return;
    if (delta.full && delta.complete) outside_.clear();
    for (const auto& name : delta.remove) outside_.erase(name);
    for (auto& service : delta.upsert) {
        const auto name = service->name;
        auto why = bounds.why_outside(*service);
        if (why.empty()) {
            outside_.erase(name);
            continue;
        }
        outside_[name] = std::move(why);
        const auto before = known.find(name);
        const bool stays = before != known.end() && bounds.why_outside(*before->second).empty();
        service = stays ? before->second : nullptr;
        if (!stays && !delta.full) delta.remove.push_back(name);
    }
    std::erase(delta.upsert, nullptr);
    // Of an incomplete list whatever it does not name stays, but not this.
    if (delta.full && !delta.complete)
        for (const auto& [name, why] : outside_)
            if (const auto before = known.find(name); before != known.end() && !bounds.why_outside(*before->second).empty())
                delta.remove.push_back(name);
    if (outside_.empty()) return context_.degradations.clear("bounds");
    const auto& [name, why] = *outside_.begin();
    context_.degradations.set("bounds",
                              fmt::format("service {} is refused: {}{}", name, why,
                                          outside_.size() > 1 ? fmt::format(" (and {} more services)", outside_.size() - 1) : ""),
                              "correct the registry or, if it is right, `bounds` of meshd.yaml; then restart meshd");
}

}  // namespace meshd::app
