// SPDX-License-Identifier: Apache-2.0
#include "process/child.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/unique_fd.hpp"

namespace meshd::process {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t longest_line = 4096;

// The worker ignores signals and has descriptors that are nobody else's business. `output`: -1: nobody reads it.
int spawn(pid_t& pid, std::vector<std::string>& words, int output) {
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
    for (const int one : {STDOUT_FILENO, STDERR_FILENO}) {
        if (output < 0)
            ::posix_spawn_file_actions_addopen(&files, one, "/dev/null", O_WRONLY, 0);
        else
            ::posix_spawn_file_actions_adddup2(&files, output, one);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    const int error = ::posix_spawn(&pid, arguments.front(), &files, &attributes, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    return error;
}

}  // namespace

// Lives until the process was waited for, so that none stays behind as a zombie.
class Child::Running : public std::enable_shared_from_this<Running> {
public:
    Running(asio::io_context& io, Command command, Done done)
        : command_(std::move(command)), done_(std::move(done)), pidfd_(io), output_(io) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    // The loop has ended: nobody will call on_end().
    ~Running() {
        if (pid_ == 0) return;
        kill();
        ::waitpid(pid_, nullptr, 0);
    }

    base::Result<void> begin() {
        std::array<int, 2> pipe{-1, -1};
        if (command_.on_line && ::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) return failed("make a pipe for", errno);
        base::UniqueFd reads(pipe[0]);
        const base::UniqueFd writes(pipe[1]);
        // The program's end blocks as those of others do.
        if (writes.valid()) ::fcntl(writes.get(), F_SETFL, 0);
        if (const int error = spawn(pid_, command_.words, writes.get()); error != 0) {
            pid_ = 0;
            return failed("run", error);
        }
        const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));  // close-on-exec by itself
        if (pidfd < 0) {
            const int code = errno;
            kill();
            ::waitpid(std::exchange(pid_, 0), nullptr, 0);
            return failed("watch", code);
        }
        error_code error;
        pidfd_.assign(pidfd, error);
        pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const error_code&) { self->on_end(); });
        if (reads.valid()) {
            output_.assign(reads.release(), error);
            wait_for_output();
        }
        return {};
    }

    void kill() const {
        if (pid_ != 0) ::kill(-pid_, SIGKILL);
    }

    void forget() {
        done_ = {};
        command_.on_line = {};
        kill();
    }

    [[nodiscard]] pid_t group() const { return pid_; }

private:
    [[nodiscard]] tl::unexpected<base::Error> failed(std::string operation, int code) const {
        return base::fail({std::move(operation), command_.words.front(), code, {}, {}});
    }

    void wait_for_output() {
        output_.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](const error_code& error) {
            if (!error && self->read_output()) self->wait_for_output();
        });
    }

    // False: nothing more will come.
    bool read_output() {
        std::array<char, 4096> part{};
        for (;;) {
            const auto size = ::read(output_.native_handle(), part.data(), part.size());
            if (size < 0 && errno == EINTR) continue;
            if (size <= 0) return size < 0 && errno == EAGAIN;
            line_.append(part.data(), static_cast<std::size_t>(size));
            tell_lines();
        }
    }

    void tell_lines() {
        for (auto end = line_.find('\n'); end != std::string::npos || line_.size() >= longest_line; end = line_.find('\n')) {
            const auto size = std::min(end, longest_line);
            tell(line_.substr(0, size));
            line_.erase(0, size == end ? size + 1 : size);
        }
    }

    void tell(const std::string& line) const {
        if (command_.on_line) command_.on_line(line);
    }

    void on_end() {
        if (pid_ == 0) return;
        kill();  // what it left running, before its id may be given to others
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        error_code ignored;
        pidfd_.close(ignored);
        if (output_.is_open()) {
            read_output();
            if (!line_.empty()) tell(std::exchange(line_, {}));
            output_.close(ignored);
        }
        if (auto done = std::exchange(done_, {})) done(status);
    }

    Command command_;
    Done done_;
    asio::posix::stream_descriptor pidfd_, output_;
    std::string line_;  // that has no end yet
    pid_t pid_ = 0;     // 0: there is none
};

base::Result<std::unique_ptr<Child>> Child::start(asio::io_context& io, Command command, Done done) {
    auto running = std::make_shared<Running>(io, std::move(command), std::move(done));
    if (auto begun = running->begin(); !begun) return tl::make_unexpected(begun.error());
    return std::unique_ptr<Child>(new Child(std::move(running)));
}

Child::~Child() { running_->forget(); }

void Child::kill() { running_->kill(); }

pid_t Child::group() const { return running_->group(); }

}  // namespace meshd::process
