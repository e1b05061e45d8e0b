// SPDX-License-Identifier: Apache-2.0
// Backends that hosts announce in etcd: the keys announced/NAME/ADDRESS:PORT below the prefix, one for each. Pure: it is told
// keys and values and tells its Intake.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "model/service.hpp"
#include "registry/intake.hpp"

namespace meshd::registry::etcd {

// {"address": "10.0.0.5", "port": 8080, "weight": 1, "state": "ready", "locality": "eu/a", "labels": {"version": "v2"}}; all but
// address and port may be left out.
base::Result<model::Backend> parse_announced(std::string_view text);

class Announced {
public:
    // `prefix`: of names of units, as the source makes them of keys.
    Announced(Intake& intake, std::string prefix) : intake_(intake), prefix_(std::move(prefix)) {}
    Announced(const Announced&) = delete;
    Announced& operator=(const Announced&) = delete;

    [[nodiscard]] bool takes(std::string_view unit) const { return unit.starts_with(prefix_); }

    // A value that cannot be read is refused, and its last good one stays.
    void put(const std::string& unit, std::string_view text);
    void remove(const std::string& unit);
    // A full answer: units that are not in it are gone. All that is waited for is said to the intake again.
    void replace(const std::map<std::string, std::string>& texts);

    // Answered at once when there has been a full answer.
    void want(const std::set<model::BackendsFrom>& queries);

    [[nodiscard]] std::size_t size() const { return units_.size(); }

private:
    struct Unit {
        std::string service;
        std::optional<model::Backend> backend;  // the last good one
    };

    void read(const std::string& unit, std::string_view text);
    void forget(std::map<std::string, Unit>::iterator unit);
    void tell(const model::BackendsFrom& query);
    void tell(const std::string& service);

    Intake& intake_;
    std::string prefix_;
    std::map<std::string, Unit> units_;
    std::set<model::BackendsFrom> wanted_;
    bool is_answered_ = false;
};

}  // namespace meshd::registry::etcd
