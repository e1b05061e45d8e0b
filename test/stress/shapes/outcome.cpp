// SPDX-License-Identifier: Apache-2.0
#include "outcome.hpp"

#include <iostream>

#include <boost/json.hpp>

namespace meshd::shapes {

namespace {

constexpr std::size_t most_errors = 10;

boost::json::object named(const std::array<std::uint64_t, 64>& counts) {
    boost::json::object made;
    for (const auto feature : Features::all().list())
        if (const auto count = counts[static_cast<std::size_t>(feature)]; count > 0) made[name(feature)] = count;
    return made;
}

}  // namespace

void Outcome::count(const Plan& plan) {
    ++connections_;
    for (const auto feature : features_of(plan).list()) ++by_shape_[static_cast<std::size_t>(feature)];
}

void Outcome::note(const Plan& plan, const std::string& what, bool is_flaw) {
    const auto text =
        what + "; seed " + std::to_string(seed_) + " connection " + std::to_string(plan.number) + ": " + describe(plan);
    std::cout << text << std::endl;
    if (!is_flaw) return;
    for (const auto feature : features_of(plan).list()) ++flaws_by_shape_[static_cast<std::size_t>(feature)];
    if (errors_.size() < most_errors) errors_.push_back(text);
}

void Outcome::add(const Slot& slot) {
    const std::scoped_lock lock(mutex_);
    count(slot.plan);
    bool wrong = false, stalled = false, hung = false;
    std::string texts;
    for (const auto side : {Side::client, Side::server}) {
        const auto& one = slot.findings[index(side)];
        bytes_ += slot.read_bytes[index(side)];
        wrong = wrong || one.wrong != 0;
        hung = hung || one.hangs != 0;
        stalled = stalled || one.stalls != 0;
        waitall_short_ += one.waitall_short;
        if (one.told != 0) texts += (texts.empty() ? "" : " / ") + std::string(one.text.data());
    }
    wrong_ += wrong ? 1 : 0;
    stalls_ += stalled ? 1 : 0;
    hangs_ += hung ? 1 : 0;
    if (!texts.empty()) note(slot.plan, texts, wrong || stalled || hung);
}

void Outcome::add_failure(const Plan& plan, const std::string& what, bool hang) {
    const std::scoped_lock lock(mutex_);
    count(plan);
    ++(hang ? hangs_ : wrong_);
    note(plan, what, true);
}

bool Outcome::flawless() const {
    const std::scoped_lock lock(mutex_);
    return wrong_ == 0 && stalls_ == 0 && hangs_ == 0;
}

boost::json::object Outcome::to_json() const {
    const std::scoped_lock lock(mutex_);
    return {{"connections", connections_},
            {"bytes", bytes_},
            {"wrong", wrong_},
            {"stalls", stalls_},
            {"hangs", hangs_},
            {"waitall_short", waitall_short_},
            {"by_shape", named(by_shape_)},
            {"flaws_by_shape", named(flaws_by_shape_)},
            {"seed", seed_},
            {"errors", boost::json::value_from(errors_)}};
}

}  // namespace meshd::shapes
