// SPDX-License-Identifier: Apache-2.0
// Objects in the keys of Consul. Changes are made in transactions of at most 64, each if nobody else has changed one of its keys.
#pragma once

#include <string>
#include <vector>

#include "model/registries.hpp"
#include "store/ask.hpp"
#include "store/store.hpp"

namespace meshd::store {

class ConsulStore : public Store {
public:
    ConsulStore(model::ConsulRegistry settings, Ask ask) : settings_(std::move(settings)), ask_(std::move(ask)) {}

    [[nodiscard]] const std::string& name() const override { return settings_.name; }
    [[nodiscard]] std::string where(const Object& object) const override { return where_of(settings_.keys + object.key()); }
    base::Result<std::vector<Item>> list() override;
    base::Result<Written> write(const std::vector<Change>& changes) override;

private:
    base::Result<web::AsyncResponse> send(const std::string& method, const std::string& path, std::string body);
    [[nodiscard]] base::Error refusal(const std::string& path, long status, const std::string& body) const;
    [[nodiscard]] std::string where_of(const std::string& key) const { return "consul:" + settings_.name + "/" + key; }

    model::ConsulRegistry settings_;
    Ask ask_;
};

}  // namespace meshd::store
