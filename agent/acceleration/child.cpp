// SPDX-License-Identifier: Apache-2.0
#include "acceleration/child.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "base/wait_for.hpp"

namespace meshd::acceleration {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr int highest_signal = 64;

// The parent's handlers must not run here: they may write to what parent and child share.
void reset_signals() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal <= highest_signal; ++signal) (void)::sigaction(signal, &action, nullptr);
    action.sa_handler = SIG_IGN;
    (void)::sigaction(SIGPIPE, &action, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void be_child(int pipe, pid_t parent, const std::function<void(const Tell&)>& work) {
    constexpr int report_fd = 3;
    if (pipe != report_fd && ::dup3(pipe, report_fd, O_CLOEXEC) < 0) ::_exit(1);
    if (::syscall(SYS_close_range, static_cast<unsigned>(report_fd + 1), ~0U, 0U) < 0) ::_exit(1);
    reset_signals();
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || ::getppid() != parent) ::_exit(1);
    work([](const std::string& line) {
        const auto whole = line + "\n";
        for (std::string_view rest = whole; !rest.empty();) {
            const auto written = ::write(report_fd, rest.data(), rest.size());
            if (written < 0) ::_exit(1);  // nobody listens
            rest.remove_prefix(static_cast<std::size_t>(written));
        }
    });
    ::_exit(0);
}

milliseconds left(steady_clock::time_point end) {
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(end - steady_clock::now()));
}

// Everything up to the end of the pipe, or of patience: then false.
bool read_lines(int fd, Patience patience, steady_clock::time_point end, std::vector<std::string>& lines) {
    std::string text;
    std::array<char, 4096> buffer{};
    bool ended = false;
    while (!ended && base::wait_for(fd, POLLIN, std::min(left(end), patience.silence))) {
        const auto got = ::read(fd, buffer.data(), buffer.size());
        ended = got == 0;
        if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    std::size_t from = 0;
    for (auto at = text.find('\n'); at != std::string::npos; from = at + 1, at = text.find('\n', from))
        lines.push_back(text.substr(from, at - from));
    return ended;
}

std::string how_it_ended(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return "ended unseen";
    if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) return "ended with status " + std::to_string(WEXITSTATUS(status));
    return {};
}

}  // namespace

base::Result<ChildReport> run_in_child(const std::function<void(const Tell&)>& work, Patience patience) {
    constexpr auto time_to_die = std::chrono::seconds(1);
    const auto end = steady_clock::now() + patience.in_all;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) return base::fail_errno("make", "a pipe");
    const base::UniqueFd from_child(ends[0]);
    base::UniqueFd to_parent(ends[1]);

    // Blocked until the child has handlers of its own.
    sigset_t all, before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) be_child(to_parent.get(), parent, work);
    const int code = errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (child < 0) return base::fail({"start", "a child process", code, {}, {}});
    to_parent.reset();

    ChildReport report;
    const base::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    report.out_of_time = !read_lines(from_child.get(), patience, end, report.lines) ||
                         !base::wait_for(process.get(), POLLIN, std::min(left(end), patience.silence));
    if (report.out_of_time) ::kill(child, SIGKILL);
    // One that hangs in the kernel for good cannot be waited for; it is then the kernel's to end.
    if (report.out_of_time && !base::wait_for(process.get(), POLLIN, time_to_die)) {
        report.end = "hangs in the kernel";
        return report;
    }
    report.end = how_it_ended(child);
    if (report.out_of_time)
        report.end = steady_clock::now() < end ? "was silent for " + std::to_string(patience.silence.count()) + " ms"
                                               : "did not end within " + std::to_string(patience.in_all.count()) + " ms";
    return report;
}

}  // namespace meshd::acceleration
