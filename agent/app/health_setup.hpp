// SPDX-License-Identifier: Apache-2.0
// From what the worker's probes say to backends that take no new connections.
#pragma once

#include <map>
#include <string>

#include "app/context.hpp"

namespace meshd::app {

class HealthSetup {
public:
    explicit HealthSetup(Context& context) : context_(context) {}

    void begin();  // once the reconciler is there
    void before_services_change(const reconcile::Change& change);
    // Whether backends came or went by it.
    bool take(const channel::HealthReport& report);
    void services_changed();

private:
    void note_panic(const model::Service& service);
    void tell_panic();

    Context& context_;
    std::map<std::string, std::string> panics_;  // services that use backends which are not healthy, since too few are: how few
};

}  // namespace meshd::app
