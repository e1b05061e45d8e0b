// SPDX-License-Identifier: Apache-2.0
// An agent that writes down what it was asked and answers what the test wants.
#pragma once

#include <string>
#include <vector>

#include <boost/json.hpp>

#include "control/agent_view.hpp"

namespace meshd::control {

class FakeAgent : public Agent {
public:
    using Object = boost::json::object;

    Object version() override { return called("version"); }
    Object status() override { return called("status"); }
    base::Result<Object> services() override { return result("services"); }
    base::Result<std::optional<Object>> service(std::string_view name) override {
        return result_for(name, "service " + std::string(name));
    }
    base::Result<Object> backends() override { return result("backends"); }
    Object drift() override { return called("drift"); }
    Object devices() override { return called("devices"); }
    Object registries() override { return called("registries"); }
    base::Result<std::optional<Object>> sync_registry(const std::optional<std::string>& name) override {
        synced = name;
        return result_for(name.value_or(""), "sync_registry");
    }
    Object announcements() override { return called("announcements"); }
    Object certificates() override { return called("certificates"); }
    Object edge() override { return called("edge"); }
    base::Result<Object> identities(std::optional<std::int32_t> pid) override {
        auto object = called("identities");
        if (pid) object["pid"] = *pid;
        return object;
    }
    base::Result<std::optional<Object>> drain_announcement(const std::string& name, bool is_drained) override {
        return result_for(name, is_drained ? "drain_announcement" : "ready_announcement");
    }
    base::Result<Object> maps() override { return result("maps"); }
    base::Result<Object> policy() override { return result("policy"); }
    base::Result<Object> policy_check(const PolicyQuery& query) override {
        checked = query;
        return result("policy_check");
    }
    base::Result<Object> explain(const ExplainQuery& query) override {
        explained = query;
        return result("explain");
    }
    base::Result<Object> plan(PlanQuery query) override {
        planned = std::move(query.services);
        is_complete = query.complete;
        is_of_files = query.of_files;
        asked_for = std::move(query.asked);
        return result("plan");
    }
    Object acceleration() override { return called("acceleration"); }
    base::Result<Object> acceleration_top() override { return result("acceleration_top"); }
    void flows(const FlowQuery& query, Later later) override {
        asked = query;
        answer_later("flows", later);
    }
    void watch_flows(const WatchQuery& query, Later later) override {
        watched = query;
        answer_later("watch_flows", later);
    }
    void traffic(Later later) override { answer_later("traffic", later); }
    void check_tls(const TlsCheckQuery& query, Later later) override {
        checked_tls = query;
        answer_later("check_tls", later);
    }
    void replace_worker(Later later) override { answer_later("replace_worker", later); }
    void flush_connections(const FlowQuery& query, Later later) override {
        asked = query;
        answer_later("flush_connections", later);
    }
    Object events(const EventQuery& query) override {
        listed = query;
        return called("events");
    }
    void watch_events(const WatchQuery& query, Later later) override {
        watched = query;
        answer_later("watch_events", later);
    }
    base::Result<std::optional<Object>> set_backend_state(const BackendStateQuery& query) override {
        named = query;
        return result_for(query.service, "set_backend_state");
    }
    base::Result<std::optional<Object>> reset_backend_state(const BackendStateQuery& query) override {
        named = query;
        return result_for(query.service, "reset_backend_state");
    }
    base::Result<Object> reconcile() override { return result("reconcile"); }
    base::Result<std::optional<Object>> pause_acceleration(const PauseQuery& query) override {
        paused = query;
        return result_for(query.service.value_or(""), "pause_acceleration");
    }
    base::Result<std::optional<Object>> resume_acceleration(const std::optional<std::string>& service) override {
        resumed = service;
        return result_for(service.value_or(""), "resume_acceleration");
    }
    base::Result<Object> selftest_acceleration() override { return result("selftest_acceleration"); }
    Object set_log_level(const LogLevelQuery& query) override {
        level = query;
        return called("set_log_level");
    }
    Object features() override { return called("features"); }
    base::Result<Object> examine() override { return result("examine"); }
    Object log_tail() override { return called("log_tail"); }
    void metrics(Later later) override { answer_later("metrics", later); }

    std::optional<base::Error> error;  // what the verbs that can fail answer
    std::vector<std::string> calls;
    ExplainQuery explained;
    PolicyQuery checked;
    TlsCheckQuery checked_tls;
    std::vector<model::Service> planned;
    bool is_complete = false;
    bool is_of_files = false;
    std::set<std::string> asked_for;
    FlowQuery asked;
    WatchQuery watched;
    EventQuery listed;
    BackendStateQuery named;
    std::optional<LogLevelQuery> level;
    std::optional<PauseQuery> paused;
    std::optional<std::string> resumed;
    std::optional<std::string> synced;

private:
    void answer_later(std::string verb, const Later& later) {
        const auto object = result(std::move(verb));
        if (object)
            later(boost::json::serialize(*object));
        else
            later(tl::make_unexpected(object.error()));
    }
    Object called(std::string verb) {
        calls.push_back(verb);
        return {{"verb", std::move(verb)}};
    }
    base::Result<Object> result(std::string verb) {
        auto object = called(std::move(verb));
        if (error) return base::fail(*error);
        return object;
    }
    base::Result<std::optional<Object>> result_for(std::string_view service, std::string verb) {
        auto answer = result(std::move(verb));
        if (!answer) return tl::make_unexpected(answer.error());
        if (service == "missing") return std::optional<Object>{};
        return std::optional<Object>(std::move(*answer));
    }
};

}  // namespace meshd::control
