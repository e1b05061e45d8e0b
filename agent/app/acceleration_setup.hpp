// SPDX-License-Identifier: Apache-2.0
// How the agent comes by the short way: what is known of this kernel, what configuration asks for, and what of it cannot be had.
#pragma once

#include <functional>
#include <optional>

#include <boost/asio/io_context.hpp>

#include "acceleration/accelerator.hpp"
#include "acceleration/verdict.hpp"
#include "app/context.hpp"

namespace meshd::app {

class AccelerationSetup {
public:
    // Reads settings and cgroup path of `context`, and writes degradations into it.
    explicit AccelerationSetup(Context& context) : context_(context) {}

    // What is known of this kernel, or what a test shows now: before programs are loaded, so before anything is enrolled.
    [[nodiscard]] acceleration::Verdict known_verdict();
    // With programs loaded and maps read. Pauses of an earlier agent go on.
    base::Result<void> begin(boost::asio::io_context& io, const kernel::Datapath& datapath,
                             std::function<const reconcile::RealizedState&()> realized, acceleration::Verdict verdict);

    // From here on after begin().
    base::Result<void> test_again();
    void configure() { configure(accelerator_->verdict()); }  // the settings have changed
    void services_changed();
    [[nodiscard]] acceleration::Accelerator& accelerator() { return *accelerator_; }

private:
    base::Result<acceleration::Verdict> test_kernel();
    void configure(acceleration::Verdict verdict);

    Context& context_;
    std::optional<acceleration::Accelerator> accelerator_;
};

}  // namespace meshd::app
