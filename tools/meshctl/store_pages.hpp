// SPDX-License-Identifier: Apache-2.0
// What the commands of a store do with it, and what they have to say.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "failure.hpp"
#include "page.hpp"
#include "store/carry_out.hpp"

namespace meshd::meshctl {

enum class Doing : bool { write, only_show };

Result<Page> apply_to(store::Store& store, const std::vector<store::Declared>& declared, Doing doing);

enum class Missing : bool { is_an_error, is_done };
Result<Page> delete_from(store::Store& store, const std::vector<store::Object>& objects, Missing missing, Doing doing);

// All objects, those of a kind, or one of them.
Result<Page> list_of(store::Store& store, std::optional<store::Kind> kind);
Result<Page> show_of(store::Store& store, const store::Object& object);

}  // namespace meshd::meshctl
