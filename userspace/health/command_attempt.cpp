// SPDX-License-Identifier: Apache-2.0
// A command as the worker's user, in a process group of its own, without a shell.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "health/attempt.hpp"

namespace meshd::health {

namespace asio = boost::asio;
using boost::system::error_code;
using model::ProbeResult;

namespace {

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

std::vector<std::string> words_of(const model::Probe& probe, const base::SocketAddress& endpoint) {
    auto words = probe.command;
    for (auto& word : words) {
        replace_all(word, "{port}", std::to_string(endpoint.port));
        replace_all(word, "{address}", endpoint.address.text());
    }
    return words;
}

// The worker ignores signals and has descriptors that are nobody else's business.
int spawn(pid_t& pid, std::vector<std::string> words) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&files);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    const int error = ::posix_spawn(&pid, arguments.front(), &files, &attributes, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    return error;
}

Finding finding_of(int status) {
    if (WIFSIGNALED(status)) {
        const auto* const name = ::sigabbrev_np(WTERMSIG(status));
        return {ProbeResult::killed, "by signal " + std::to_string(WTERMSIG(status)) +
                                         (name != nullptr ? " (SIG" + std::string(name) + ")" : std::string())};
    }
    if (WEXITSTATUS(status) == 0) return {};
    return {ProbeResult::exit_status, std::to_string(WEXITSTATUS(status))};
}

// Lives until the process was waited for, so that none stays behind as a zombie.
class Command : public std::enable_shared_from_this<Command> {
public:
    Command(asio::io_context& context, Done done) : done_(std::move(done)), pidfd_(context) {}

    void begin(const model::Probe& probe, const base::SocketAddress& endpoint) {
        if (const int error = spawn(pid_, words_of(probe, endpoint)); error != 0) {
            pid_ = 0;
            return tell_later({ProbeResult::local, "cannot run " + probe.command.front() + ": " + std::strerror(error)});
        }
        const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));  // close-on-exec by itself
        if (fd < 0) {
            const int code = errno;
            kill_group();
            ::waitpid(std::exchange(pid_, 0), nullptr, 0);
            return tell_later({ProbeResult::local, std::string("cannot watch the command: ") + std::strerror(code)});
        }
        error_code error;
        pidfd_.assign(fd, error);
        pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const error_code&) { self->on_end(); });
    }

    void stop() {
        done_ = {};
        kill_group();
    }

    // The loop has ended: nobody will call on_end().
    ~Command() {
        if (pid_ == 0) return;
        kill_group();
        ::waitpid(pid_, nullptr, 0);
    }
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

private:
    void kill_group() const {
        if (pid_ != 0) ::kill(-pid_, SIGKILL);
    }

    void tell_later(Finding finding) {
        asio::post(pidfd_.get_executor(), [self = shared_from_this(), finding = std::move(finding)]() mutable {
            if (auto done = std::exchange(self->done_, {})) done(std::move(finding));
        });
    }

    void on_end() {
        if (pid_ == 0) return;
        kill_group();  // what it left running, before its id may be given to others
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        error_code ignored;
        pidfd_.close(ignored);
        if (auto done = std::exchange(done_, {})) done(finding_of(status));
    }

    Done done_;
    asio::posix::stream_descriptor pidfd_;
    pid_t pid_ = 0;  // 0: there is none
};

class CommandAttempt final : public Attempt {
public:
    CommandAttempt(std::shared_ptr<Command> command, const model::Probe& probe, const base::SocketAddress& endpoint)
        : command_(std::move(command)) {
        command_->begin(probe, endpoint);
    }
    ~CommandAttempt() override { command_->stop(); }
    CommandAttempt(const CommandAttempt&) = delete;
    CommandAttempt& operator=(const CommandAttempt&) = delete;

    [[nodiscard]] Finding timed_out() const override { return {ProbeResult::answer_timeout, "the command was killed"}; }

private:
    std::shared_ptr<Command> command_;
};

}  // namespace

std::unique_ptr<Attempt> begin_command_attempt(asio::io_context& context, const model::Probe& probe,
                                               const base::SocketAddress& endpoint, Done done) {
    return std::make_unique<CommandAttempt>(std::make_shared<Command>(context, std::move(done)), probe, endpoint);
}

}  // namespace meshd::health
