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
        auto answer = result("service " + std::string(name));
        if (!answer) return tl::make_unexpected(answer.error());
        if (name == "missing") return std::optional<Object>{};
        return std::optional<Object>(std::move(*answer));
    }
    base::Result<Object> backends() override { return result("backends"); }
    Object drift() override { return called("drift"); }
    base::Result<Object> maps() override { return result("maps"); }
    base::Result<Object> explain(const ExplainQuery& query) override {
        explained = query;
        return result("explain");
    }
    base::Result<Object> plan(std::vector<model::Service> services, bool complete) override {
        planned = std::move(services);
        is_complete = complete;
        return result("plan");
    }
    base::Result<Object> reconcile() override { return result("reconcile"); }
    void set_log_level(config::LogLevel wanted) override {
        called("set_log_level");
        level = wanted;
    }

    std::optional<base::Error> error;  // what the verbs that can fail answer
    std::vector<std::string> calls;
    ExplainQuery explained;
    std::vector<model::Service> planned;
    bool is_complete = false;
    std::optional<config::LogLevel> level;

private:
    Object called(std::string verb) {
        calls.push_back(verb);
        return {{"verb", std::move(verb)}};
    }
    base::Result<Object> result(std::string verb) {
        auto object = called(std::move(verb));
        if (error) return base::fail(*error);
        return object;
    }
};

}  // namespace meshd::control
