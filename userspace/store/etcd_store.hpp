// SPDX-License-Identifier: Apache-2.0
// Objects in the keys of etcd, by its JSON gateway. All changes are made in one transaction, which fails when one of their keys,
// or any object, has been written since list().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/registries.hpp"
#include "registry/etcd/answers.hpp"
#include "store/ask.hpp"
#include "store/store.hpp"

namespace meshd::store {

// What etcd takes at once, unless its --max-txn-ops says otherwise: operations, and comparisons. More changes are made in several
// transactions.
inline constexpr std::size_t etcd_operations = 128;
inline constexpr std::size_t etcd_batch = etcd_operations - object_kinds.size();

class EtcdStore : public Store {
public:
    EtcdStore(model::EtcdRegistry settings, Ask ask);

    [[nodiscard]] const std::string& name() const override { return settings_.name; }
    [[nodiscard]] std::string where(const Object& object) const override;
    base::Result<std::vector<Item>> list() override;
    base::Result<Written> write(const std::vector<Change>& changes) override;

private:
    base::Result<std::string> call(const std::string& path, const std::string& body);
    base::Result<web::AsyncResponse> send(const std::string& path, const std::string& body);
    base::Result<void> log_in();
    base::Result<void> read_keys(std::vector<registry::etcd::KeyValue>& keys);
    [[nodiscard]] base::Error refusal(const std::string& path, const registry::etcd::Complaint& complaint) const;
    [[nodiscard]] std::string where_of(std::string key) const;

    model::EtcdRegistry settings_;
    Ask ask_;
    std::size_t endpoint_ = 0;  // that answered last
    std::string token_;
    bool no_users_ = false;
    std::int64_t revision_ = 0;  // of list()
};

}  // namespace meshd::store
