// SPDX-License-Identifier: Apache-2.0
// Services whose backends are the answer to a query: which query each waits for, and what becomes of it with an answer. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/service.hpp"

namespace meshd::registry {

// The service with these backends for each of its ports. A service with one port takes the port of each backend where the answer
// tells one, and its target port else; one with several ports always its target ports. Backends that are there twice, and those
// that a service with direct return cannot have, are left out. `answerer` is the source that said so: it is put behind the
// service's own.
model::ServicePtr with_backends(const model::Service& service, const std::vector<model::Backend>& answer,
                                std::string_view answerer);

// An answer that would have led to these backends; for one that is remembered.
std::vector<model::Backend> answer_of(const model::Service& service);

class Queries {
public:
    // Nothing to wait for: null.
    void set(const std::string& service, const model::BackendsFrom* query);

    [[nodiscard]] const std::map<model::BackendsFrom, std::set<std::string>>& all() const { return waiting_; }
    [[nodiscard]] const std::set<std::string>& waiting_for(const model::BackendsFrom& query) const;
    bool take_changed() { return std::exchange(changed_, false); }  // whether there are other queries than at the last call

private:
    std::map<std::string, model::BackendsFrom> of_;  // by service
    std::map<model::BackendsFrom, std::set<std::string>> waiting_;
    bool changed_ = false;
};

}  // namespace meshd::registry
