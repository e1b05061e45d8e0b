// SPDX-License-Identifier: Apache-2.0
// One process of the worker, from fork to reaping. What is started has two descriptors beside its standard ones (the channel, and
// what listening sockets come by), no capabilities and no way to get any.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::app {

inline constexpr int channel_fd = 3;   // in the worker
inline constexpr int handover_fd = 4;  // in the worker: see ListenerHandover

struct Identity {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
};

// Nothing when this process is not root: it cannot become anybody else, so the worker runs as this process does. An unknown user
// and one with uid 0 are errors.
base::Result<std::optional<Identity>> resolve_user(const std::string& user);

// The uid by which the worker's sockets are known. 0: there is no such user, or others share it and it says nothing about whose
// sockets these are.
uid_t own_user(const std::string& user);

class WorkerChild {
public:
    // Returns when the program has begun, or with the step that failed. The child gets SIGTERM when the calling thread ends.
    static base::Result<WorkerChild> start(const std::string& binary, const std::optional<Identity>& identity);

    WorkerChild(WorkerChild&& other) noexcept;
    WorkerChild& operator=(WorkerChild&&) = delete;
    WorkerChild(const WorkerChild&) = delete;
    ~WorkerChild();  // kills and reaps

    // It goes on without this process, which must end soon: it does not reap it.
    void leave() { pid_ = 0; }

    [[nodiscard]] pid_t pid() const { return pid_; }
    // Readable when the process has ended. Owned by this object.
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }
    // This end of the channel, once.
    [[nodiscard]] base::UniqueFd take_socket() { return std::move(socket_); }

    // This end of what listening sockets go by, once.
    [[nodiscard]] base::UniqueFd take_handover() { return std::move(handover_); }

    void send_signal(int signal) const;
    // Whether it has ended within this time.
    [[nodiscard]] bool wait_ended(std::chrono::milliseconds timeout) const;
    // How it ended, in words; blocks until it has. Once: the process id means nothing after it.
    std::string reap();

private:
    WorkerChild(pid_t pid, base::UniqueFd pidfd, base::UniqueFd socket, base::UniqueFd handover);

    pid_t pid_ = 0;  // 0: reaped or moved from
    base::UniqueFd pidfd_;
    base::UniqueFd socket_;
    base::UniqueFd handover_;
};

}  // namespace meshd::app
