// SPDX-License-Identifier: Apache-2.0
// Which registry of meshd.yaml is written to, and as whom.
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"
#include "config/settings.hpp"
#include "store/ask.hpp"
#include "store/store.hpp"

namespace meshd::store {

// What an operator gives instead of what the nodes have in meshd.yaml; empty: as there.
struct Operator {
    std::string store;  // name of the registry; empty: registry.store, else the only one that can be written to
    std::string user;   // of etcd
    std::string password_file;
    std::string token_file;  // of Consul and Kubernetes
    std::string certificate;
    std::string key;
    std::string kubeconfig;
    std::string context;
};

base::Result<std::unique_ptr<Store>> choose_store(const config::Settings& settings, const Operator& wanted, Ask ask);

}  // namespace meshd::store
