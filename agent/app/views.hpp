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
    // What a caller may have done, by whoever owns the parts.
    struct Actions {
        std::function<base::Result<reconcile::Plan>()> check;              // a full comparison, as the timer does it
        std::function<void(const control::LogLevelQuery&)> set_log_level;  // of agent and worker
        std::function<base::Result<void>(const control::PauseQuery&)> pause_acceleration;
        std::function<base::Result<void>(const std::optional<std::string>&)> resume_acceleration;
        std::function<base::Result<void>()> test_acceleration;
        std::function<base::Result<void>(const std::string&)> sync_registry;  // empty: all
        std::function<base::Result<bool>(const std::string&, bool)> drain_announcement;
        std::function<void(const control::TlsCheckQuery&, const control::Later&)> check_tls;
        std::function<void(const control::Later&)> replace_worker;
        std::function<base::Result<void>()> check_configuration;  // as a start would read it
    };
    Views(Context& context, Actions actions) : context_(context), actions_(std::move(actions)) {}

    boost::json::object version() override;
    boost::json::object status() override;
    base::Result<boost::json::object> services() override;
    base::Result<std::optional<boost::json::object>> service(std::string_view name) override;
    base::Result<boost::json::object> backends() override;
    boost::json::object drift() override;
    base::Result<boost::json::object> maps() override;
    boost::json::object devices() override;
    boost::json::object registries() override;
    boost::json::object announcements() override;
    boost::json::object certificates() override;
    boost::json::object edge() override;
    base::Result<boost::json::object> identities(std::optional<std::int32_t> pid) override;
    base::Result<std::optional<boost::json::object>> drain_announcement(const std::string& name, bool is_drained) override;
    void check_tls(const control::TlsCheckQuery& query, control::Later later) override { actions_.check_tls(query, later); }
    void replace_worker(control::Later later) override { actions_.replace_worker(later); }
    base::Result<boost::json::object> explain(const control::ExplainQuery& query) override;
    base::Result<boost::json::object> plan(control::PlanQuery query) override;
    base::Result<boost::json::object> policy() override;
    base::Result<boost::json::object> policy_check(const control::PolicyQuery& query) override;
    boost::json::object events(const control::EventQuery& query) override;
    void watch_events(const control::WatchQuery& query, control::Later later) override;
    base::Result<std::optional<boost::json::object>> set_backend_state(const control::BackendStateQuery& query) override;
    base::Result<std::optional<boost::json::object>> reset_backend_state(const control::BackendStateQuery& query) override;
    base::Result<boost::json::object> reconcile() override;
    base::Result<std::optional<boost::json::object>> sync_registry(const std::optional<std::string>& name) override;
    boost::json::object set_log_level(const control::LogLevelQuery& query) override;
    boost::json::object features() override;
    base::Result<boost::json::object> examine() override;
    boost::json::object log_tail() override;
    void metrics(control::Later later) override;
    boost::json::object acceleration() override;
    base::Result<boost::json::object> acceleration_top() override;
    base::Result<std::optional<boost::json::object>> pause_acceleration(const control::PauseQuery& query) override;
    base::Result<std::optional<boost::json::object>> resume_acceleration(const std::optional<std::string>& service) override;
    base::Result<boost::json::object> selftest_acceleration() override;
    void flows(const control::FlowQuery& query, control::Later later) override;
    void watch_flows(const control::WatchQuery& query, control::Later later) override;
    void traffic(control::Later later) override;
    void flush_connections(const control::FlowQuery& query, control::Later later) override;

private:
    Context& context_;
    Actions actions_;
};

}  // namespace meshd::app
