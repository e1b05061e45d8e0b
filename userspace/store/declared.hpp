// SPDX-License-Identifier: Apache-2.0
// Registry files taken apart into objects, each with the text that is to stand in the store.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "config/registry_file.hpp"
#include "store/object.hpp"

namespace meshd::store {

struct Declared {
    Object object;
    std::string text;                                  // a registry file with this object alone
    std::shared_ptr<const config::RegistryFile> file;  // it was read from
    config::Mark mark;                                 // in it
    std::size_t index = 0;                             // in the list of its kind in the file
};

// Refuses what a node would refuse, as FILE:LINE:COLUMN.
base::Result<std::vector<Declared>> declared_in(std::string_view text, std::string_view file_name);

}  // namespace meshd::store
