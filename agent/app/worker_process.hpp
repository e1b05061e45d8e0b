// SPDX-License-Identifier: Apache-2.0
// The worker as a child process: started without privilege, restarted when it ends, ended when the agent ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include <boost/asio/io_context.hpp>

#include "app/worker_child.hpp"
#include "base/error.hpp"
#include "channel/channel.hpp"
#include "channel/messages.hpp"

namespace meshd::app {

enum class WorkerState : std::uint8_t {
    down,      // nobody to talk to: not started, stopped, ending, or waiting for the next attempt
    starting,  // a process, but no hello from it yet
    running,
};

std::string_view name(WorkerState state);  // "down", "starting", "running"

struct WorkerStatus {
    WorkerState state = WorkerState::down;
    pid_t pid = 0;                                // 0 when there is no process
    std::uint64_t restarts = 0;                   // starts after the first one
    std::chrono::system_clock::time_point since;  // of this state
    std::string last_exit;  // in words: "killed by signal 9 (Killed)", "exited with status 1"; empty when none has ended yet
};

struct WorkerOptions {
    std::string binary;  // path of meshd-userspace
    std::string user;    // whom it runs as; not looked at when the agent is not root: then it runs as the agent does

    // Between the end of one process and the start of the next; doubled each time, and back at the first after a long life.
    std::chrono::milliseconds first_backoff{100};
    std::chrono::milliseconds longest_backoff{10000};
    std::chrono::milliseconds long_life{30000};
    std::chrono::milliseconds hello_timeout{10000};  // from start to hello; then it is killed and started again
    std::chrono::milliseconds stop_timeout{
        2000};  // from "shutdown", or the end of the channel, to SIGTERM, and from there to SIGKILL
};

// All are called from the io_context. None is called from inside start() or stop(). They may call everything of the
// WorkerProcess, but must not destroy it.
struct WorkerHandlers {
    // A process is there and its channel open: send it the settings. The reference holds until on_down, or stop().
    std::function<void(channel::Channel&)> on_channel_open;
    // Before it: the other end of what the process has as handover_fd.
    std::function<void(base::UniqueFd)> on_handover{};
    // Decoded, checked and whole (see channel::Assembler). The first of each process is its Hello.
    std::function<void(channel::Message)> on_message;
    // The process of the last on_channel_open is gone: killed from outside, ended, or killed because it broke the protocol. Also
    // when a restart failed. `why` is for the log. Not called for stop().
    std::function<void(std::string_view why)> on_down;
};

// Call everything from the thread that runs the io_context, and start() from the thread that lives as long as the process: the
// kernel ends the worker when that thread ends.
class WorkerProcess {
public:
    WorkerProcess(boost::asio::io_context& context, WorkerOptions options, WorkerHandlers handlers);
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;
    ~WorkerProcess();  // as stop(), but with SIGKILL at once

    // Fails when the first process cannot be started: no such user, no such binary. Later failures are retried and shown in
    // status().
    base::Result<void> start();
    // Blocks for at most twice stop_timeout, for the process' end. No handler is called during or after it; start() may be called
    // again. `longest`: what the process carries may go on without this one for that time; then only until it has let go of the
    // rest.
    void stop(std::chrono::seconds longest = std::chrono::seconds(0));

    // What the process carries goes on for at most that time, and it is started no more. `done` is called from the io_context:
    // with the process as soon as it has let go of everything else, with nothing when it has ended instead.
    using Retired = std::function<void(std::optional<WorkerChild>)>;
    void retire(std::chrono::seconds longest, Retired done);

    [[nodiscard]] WorkerStatus status() const;
    // Null while no channel is open.
    [[nodiscard]] channel::Channel* channel();

private:
    class Supervisor;
    std::shared_ptr<Supervisor> supervisor_;
};

}  // namespace meshd::app
