// SPDX-License-Identifier: Apache-2.0
// What has to be written so that a store holds what was declared, and what would be refused by the nodes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "store/declared.hpp"
#include "store/store.hpp"

namespace meshd::store {

enum class Effect { created, configured, unchanged, deleted, missing };
std::string_view name(Effect effect);

struct Step {
    Effect effect = Effect::unchanged;
    Object object;
    std::string before;   // text; empty: it was not there
    std::string after;    // empty: it goes
    std::string version;  // that was found, empty: none

    bool operator==(const Step&) const = default;
};
using Plan = std::vector<Step>;

// Both in the order of what is given.
Plan plan_apply(const std::vector<Declared>& declared, const std::vector<Item>& items);
Plan plan_delete(const std::vector<Object>& objects, const std::vector<Item>& items);

std::vector<Change> changes_of(const Plan& plan);

// An object that was declared twice, and services that share a name or an address with another one, declared or in the store.
// What is wrong within the store already is left alone.
std::vector<base::Error> conflicts(const std::vector<Declared>& declared, const std::vector<Item>& items);

}  // namespace meshd::store
