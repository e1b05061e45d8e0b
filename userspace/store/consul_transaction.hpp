// SPDX-License-Identifier: Apache-2.0
// Keys of Consul with their indexes, and transactions on them. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "store/store.hpp"

namespace meshd::store {

struct ConsulKey {
    std::string key;
    std::string value;
    std::string index;  // of its last change

    bool operator==(const ConsulKey&) const = default;
};

// /v1/kv/PREFIX?recurse, without folders.
base::Result<std::vector<ConsulKey>> parse_consul_keys(std::string_view text);

// The first of the changes that one transaction takes; at least one.
std::span<const Change> consul_batch(std::span<const Change> changes);

// /v1/txn: each change, if its key still has its version.
std::string consul_transaction(std::string_view prefix, std::span<const Change> changes);

// Of an answer with status 409. Nothing: a key has another version now.
std::string consul_complaint(std::string_view text);

}  // namespace meshd::store
