// SPDX-License-Identifier: Apache-2.0
// A transaction of etcd as its JSON gateway takes it. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "store/store.hpp"

namespace meshd::store {

// The changes, if each key still has its version and no object below the prefix is newer than `revision`; 0: whatever their
// revisions are.
std::string transaction_request(std::string_view prefix, std::span<const Change> changes, std::int64_t revision);

// Whether it was made.
struct TransactionAnswer {
    bool succeeded = false;
    std::int64_t revision = 0;  // of the store afterwards
};
base::Result<TransactionAnswer> parse_transaction(std::string_view text);

}  // namespace meshd::store
