// SPDX-License-Identifier: Apache-2.0
// The agent's answers on the control socket: docs/api.md in code.
#pragma once

#include <functional>

#include <boost/json/array.hpp>

#include "app/context.hpp"
#include "control/agent_view.hpp"
#include "kernel/counters.hpp"

namespace meshd::app {

boost::json::array operations_json(const reconcile::Plan& plan);

class Views : public control::Agent {
public:
    // `check` runs a full comparison as the timer does.
    Views(Context& context, std::function<base::Result<reconcile::Plan>()> check) : context_(context), check_(std::move(check)) {}

    boost::json::object version() override;
    boost::json::object status() override;
    base::Result<boost::json::object> services() override;
    base::Result<std::optional<boost::json::object>> service(std::string_view name) override;
    base::Result<boost::json::object> backends() override;
    boost::json::object drift() override;
    base::Result<boost::json::object> maps() override;
    base::Result<boost::json::object> explain(const control::ExplainQuery& query) override;
    base::Result<boost::json::object> plan(std::vector<model::Service> services, bool complete) override;
    base::Result<boost::json::object> reconcile() override;
    void set_log_level(config::LogLevel level) override;

private:
    Context& context_;
    std::function<base::Result<reconcile::Plan>()> check_;
};

}  // namespace meshd::app
