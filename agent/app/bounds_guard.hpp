// SPDX-License-Identifier: Apache-2.0
// Holds what registries, and the worker that reads them, say of services to the bounds of this node's own configuration: the last
// check before it becomes the desired state.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "app/context.hpp"
#include "channel/messages.hpp"

namespace meshd::app {

class BoundsGuard {
public:
    explicit BoundsGuard(Context& context) : context_(context) {}

    // Takes what lies outside out of a change: such a service stays as `state` has it, if that is within; else it is gone.
    void hold(channel::Delta& delta, const model::DesiredState& state);

private:
    Context& context_;
    std::map<std::string, std::string> outside_;  // service -> why
};

}  // namespace meshd::app
