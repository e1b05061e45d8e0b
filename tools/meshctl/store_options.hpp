// SPDX-License-Identifier: Apache-2.0
// Options of the commands that read and write a store: which one, and as whom.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "failure.hpp"
#include "store/choose.hpp"
#include "store/declared.hpp"

namespace CLI {
class App;
}

namespace meshd::meshctl {

struct StoreOptions {
    std::string config = "/etc/meshd/meshd.yaml";
    store::Operator wanted;
};

void add_store_options(CLI::App& verb, StoreOptions& options);
Result<std::unique_ptr<store::Store>> open_store(const StoreOptions& options);

// Every object of the files, directories and "-", the standard input; or everything that a node would refuse in them.
Result<std::vector<store::Declared>> read_declared(const std::vector<std::string>& paths, const std::string& nothing_done);

}  // namespace meshd::meshctl
