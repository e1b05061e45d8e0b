// SPDX-License-Identifier: Apache-2.0
// A program as the worker's user, in a process group of its own, without a shell.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <boost/asio/io_context.hpp>

#include "base/error.hpp"

namespace meshd::process {

struct Command {
    std::vector<std::string> words;  // the program by its path, and its arguments
    // Each line of both its outputs, without its end; those that are very long come in parts. Nothing: nobody reads them.
    std::function<void(std::string_view)> on_line{};
};

class Child {
public:
    // `status`: as waitpid() tells it. Called once, from the loop, when everything that it wrote was told; the child may be
    // destroyed in it.
    using Done = std::function<void(int status)>;

    // `done` is not called when it fails.
    static base::Result<std::unique_ptr<Child>> start(boost::asio::io_context& io, Command command, Done done);

    // Ends the program, and what it left running; nothing is called any more. The loop waits for it, so that no zombie stays, or,
    // when it has ended, its own end does.
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    void kill();                        // done() tells its end
    [[nodiscard]] pid_t group() const;  // of its processes; 0 when it has ended

private:
    class Running;
    explicit Child(std::shared_ptr<Running> running) : running_(std::move(running)) {}
    std::shared_ptr<Running> running_;
};

}  // namespace meshd::process
