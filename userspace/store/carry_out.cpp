// SPDX-License-Identifier: Apache-2.0
#include "store/carry_out.hpp"

#include <algorithm>

namespace meshd::store {

namespace {

constexpr int most_attempts = 10;

bool is_to_write(const Step& step) {
    return step.effect == Effect::created || step.effect == Effect::configured || step.effect == Effect::deleted;
}

// The first object that is still to be written and is not as it was when the first plan was made.
const Step* overtaken(const Plan& first, const Plan& now) {
    for (const auto& step : now) {
        const auto same = [&](const Step& before) { return before.object == step.object && before.version == step.version; };
        if (is_to_write(step) && std::none_of(first.begin(), first.end(), same)) return &step;
    }
    return nullptr;
}

}  // namespace

base::Result<Plan> carry_out(Store& store, const Planner& planner) {
    Plan first;
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
        const auto items = store.list();
        if (!items) return base::fail(items.error());
        auto plan = planner(*items);
        if (!plan) return base::fail(std::move(plan.error()));
        if (attempt == 0) first = *plan;
        if (const auto* const step = overtaken(first, *plan))
            return base::fail({"write", step->object.text(), 0, "somebody else has changed it at this moment",
                               "look at it with `meshctl get " + step->object.text() + " -o yaml` and write again"});
        const auto changes = changes_of(*plan);
        if (changes.empty()) return first;
        const auto written = store.write(changes);
        if (!written) return base::fail(written.error());
        if (*written == Written::done) return first;
    }
    return base::fail({"write to", store.name(), 0, "others write to it all the time", "try again"});
}

}  // namespace meshd::store
