// SPDX-License-Identifier: Apache-2.0
// The commands: each noun adds its verbs to the command line. A verb that was given puts what it does into Program::chosen;
// nothing runs before the whole line has been read.
#pragma once

#include <functional>
#include <string>

#include "agent.hpp"
#include "failure.hpp"
#include "page.hpp"
#include "render.hpp"

namespace CLI {
class App;
}

namespace meshd::meshctl {

struct Program {
    std::string socket = "/run/meshd/control.sock";
    std::string format = "table";
    std::function<Result<Page>(const Agent& agent)> chosen;
    std::function<Result<void>(const Agent& agent, Output& output)> running;  // instead, of a verb that goes on until interrupted
};

void add_status(CLI::App& app, Program& program);
void add_service(CLI::App& app, Program& program);
void add_backend(CLI::App& app, Program& program);
void add_backend_states(CLI::App& noun, Program& program);  // verbs of the noun backend
void add_feature(CLI::App& app, Program& program);
void add_doctor(CLI::App& app, Program& program);
void add_bugreport(CLI::App& app, Program& program);
void add_device(CLI::App& app, Program& program);
void add_acceleration(CLI::App& app, Program& program);
void add_flow(CLI::App& app, Program& program);
void add_connection(CLI::App& app, Program& program);
void add_event(CLI::App& app, Program& program);
void add_top(CLI::App& app, Program& program);
void add_policy(CLI::App& app, Program& program);
void add_registry(CLI::App& app, Program& program);
void add_announcement(CLI::App& app, Program& program);
void add_identity(CLI::App& app, Program& program);
void add_edge(CLI::App& app, Program& program);
void add_ca(CLI::App& app, Program& program);
void add_certificate(CLI::App& app, Program& program);
void add_tls(CLI::App& app, Program& program);
void add_apply(CLI::App& app, Program& program);
void add_get(CLI::App& app, Program& program);
void add_delete(CLI::App& app, Program& program);
void add_config(CLI::App& app, Program& program);
void add_drift(CLI::App& app, Program& program);
void add_map(CLI::App& app, Program& program);
void add_explain(CLI::App& app, Program& program);
void add_worker(CLI::App& app, Program& program);
void add_log(CLI::App& app, Program& program);
void add_version(CLI::App& app, Program& program);

// "debug, configured: info, until …": the member "log" of a status.
std::string log_text(const json::object& log);

// A transformation of options: "5m" becomes "300". Times look as they do in the configuration. Empty, or what is wrong.
std::string to_seconds(std::string& text);

// "ejected, used": the state of a row, and that too few others are usable.
std::string backend_state_text(const json::object& backend);

// The columns of the operations of a plan, which several commands show.
Table operations_table(const json::array& operations);

}  // namespace meshd::meshctl
