// SPDX-License-Identifier: Apache-2.0
// The commands: each noun adds its verbs to the command line. A verb that was given puts what it does into Program::chosen;
// nothing runs before the whole line has been read.
#pragma once

#include <functional>
#include <string>

#include "agent.hpp"
#include "failure.hpp"
#include "page.hpp"

namespace CLI {
class App;
}

namespace meshd::meshctl {

struct Program {
    std::string socket = "/run/meshd/control.sock";
    std::string format = "table";
    std::function<Result<Page>(const Agent& agent)> chosen;
};

void add_status(CLI::App& app, Program& program);
void add_service(CLI::App& app, Program& program);
void add_backend(CLI::App& app, Program& program);
void add_acceleration(CLI::App& app, Program& program);
void add_config(CLI::App& app, Program& program);
void add_drift(CLI::App& app, Program& program);
void add_map(CLI::App& app, Program& program);
void add_explain(CLI::App& app, Program& program);
void add_log(CLI::App& app, Program& program);
void add_version(CLI::App& app, Program& program);

// The columns of the operations of a plan, which several commands show.
Table operations_table(const json::array& operations);

}  // namespace meshd::meshctl
