// SPDX-License-Identifier: Apache-2.0
#include "app/worker_child.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wait_for.hpp"

namespace meshd::app {

namespace {

constexpr int report_fd = 5;  // in the child, until exec: where it says which step failed
constexpr int highest_signal = 64;
constexpr int highest_capability = 63;

// What of the environment the worker gets: nothing that may hold a secret or speak to the service manager in the agent's name.
constexpr std::array<std::string_view, 12> passed_on = {
    "PATH=", "TZ=", "LANG=", "LC_ALL=", "ASAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS=", "UBSAN_OPTIONS=", "LLVM_PROFILE_FILE=",
    // Where a pod finds the API server, and the name of its node.
    "KUBERNETES_SERVICE_HOST=", "KUBERNETES_SERVICE_PORT=", "NODE_NAME="};

enum class Step : int { parent, descriptors, signals, group, user, privileges, capabilities, execute };

std::string_view name(Step step) {
    switch (step) {
        case Step::parent:
            return "tie it to the life of";
        case Step::descriptors:
            return "arrange descriptors of";
        case Step::signals:
            return "reset signals of";
        case Step::group:
            return "set groups of";
        case Step::user:
            return "set user of";
        case Step::privileges:
            return "set no_new_privs of";
        case Step::capabilities:
            return "drop capabilities of";
        case Step::execute:
            return "execute";
    }
    return "start";
}

struct Failure {
    Step step = Step::parent;
    int code = 0;
};

// All that the child needs, made before fork: between fork and exec only system calls are safe, because another thread may have
// held any lock, that of malloc too.
struct Plan {
    const char* binary = nullptr;
    char* const* arguments = nullptr;
    char* const* environment = nullptr;
    const Identity* identity = nullptr;  // null: stays who it is
    int socket = -1;
    int handover = -1;
    int report = -1;
    int null = -1;
    pid_t parent = 0;
};

[[noreturn]] void give_up(int report, Step step) {
    const Failure failure{step, errno};
    // Nobody is left to tell when this fails.
    (void)!::write(report, &failure, sizeof(failure));
    ::_exit(127);
}

// Each may stand at another's place: first all out of the way, then in.
int arrange_descriptors(const Plan& plan, int& report) {
    const int socket = ::fcntl(plan.socket, F_DUPFD_CLOEXEC, 16);
    const int handover = ::fcntl(plan.handover, F_DUPFD_CLOEXEC, 16);
    const int away = ::fcntl(report, F_DUPFD_CLOEXEC, 16);
    if (socket < 0 || handover < 0 || away < 0) return -1;
    report = away;
    if (::dup2(plan.null, STDIN_FILENO) < 0 || ::dup2(socket, channel_fd) < 0 || ::dup2(handover, handover_fd) < 0) return -1;
    if (::dup3(away, report_fd, O_CLOEXEC) < 0) return -1;
    report = report_fd;
    return static_cast<int>(::syscall(SYS_close_range, static_cast<unsigned>(report_fd + 1), ~0U, 0U));
}

int reset_signals() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    // The two that cannot be caught and those that libc keeps for itself are refused; they are as they should be.
    for (int signal = 1; signal <= highest_signal; ++signal) (void)::sigaction(signal, &action, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    return ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// By number, not by libc: its functions set the ids of every thread it knows, with signals and locks.
int become(const Identity& identity, Step& step) {
    for (int capability = 0; capability <= highest_capability; ++capability) (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    step = Step::group;
    if (::syscall(SYS_setgroups, identity.groups.size(), identity.groups.data()) < 0) return -1;
    if (::syscall(SYS_setresgid, identity.gid, identity.gid, identity.gid) < 0) return -1;
    step = Step::user;
    return static_cast<int>(::syscall(SYS_setresuid, identity.uid, identity.uid, identity.uid));
}

int drop_capabilities() {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    return static_cast<int>(::syscall(SYS_capset, &header, none.data()));
}

[[noreturn]] void run_child(const Plan& plan) {
    int report = plan.report;
    Step step = Step::descriptors;
    if (arrange_descriptors(plan, report) < 0) give_up(report, step);
    if (reset_signals() < 0) give_up(report, Step::signals);
    if (plan.identity != nullptr && become(*plan.identity, step) < 0) give_up(report, step);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) give_up(report, Step::privileges);
    if (drop_capabilities() < 0) give_up(report, Step::capabilities);
    // A change of user clears it, so it comes after. The parent may be gone already: then nobody would send the signal.
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0) give_up(report, Step::parent);
    if (::getppid() != plan.parent) ::_exit(127);
    ::execve(plan.binary, plan.arguments, plan.environment);
    give_up(report, Step::execute);
}

std::vector<char*> environment_of_worker() {
    std::vector<char*> result;
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry)
        for (const auto prefix : passed_on)
            if (std::string_view(*entry).starts_with(prefix)) result.push_back(*entry);
    result.push_back(nullptr);
    return result;
}

pid_t fork_child(const Plan& plan) {
    // No handler of the parent may run in the child.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const auto pid = ::fork();
    if (pid == 0) run_child(plan);
    const auto code = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = code;
    return pid;
}

std::string in_words(const siginfo_t& info) {
    if (info.si_code == CLD_EXITED) return "exited with status " + std::to_string(info.si_status);
    return "killed by signal " + std::to_string(info.si_status) + " (" + ::strsignal(info.si_status) + ")";
}

}  // namespace

base::Result<std::optional<Identity>> resolve_user(const std::string& user) {
    if (::geteuid() != 0) return std::nullopt;
    constexpr std::string_view remedy = "create it: useradd --system --no-create-home meshd, or set worker.user";
    std::array<char, 16384> buffer;
    passwd entry{};
    passwd* found = nullptr;
    const int code = ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr)
        return base::fail({"find user", user, code, code == 0 ? "there is no such user" : "", std::string(remedy)});
    if (entry.pw_uid == 0)
        return base::fail({"run worker as user", user, 0, "it is root", "set worker.user to a user without privilege"});
    Identity identity{entry.pw_uid, entry.pw_gid, {}};
    int count = 0;
    ::getgrouplist(user.c_str(), entry.pw_gid, nullptr, &count);
    identity.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(user.c_str(), entry.pw_gid, identity.groups.data(), &count) < 0)
        return base::fail({"list groups of user", user, 0, "they changed meanwhile", {}});
    identity.groups.resize(static_cast<std::size_t>(count));
    return std::optional<Identity>(std::move(identity));
}

uid_t own_user(const std::string& user) {
    if (user == "nobody") return 0;
    const auto* const entry = ::getpwnam(user.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    return entry != nullptr ? entry->pw_uid : 0;
}

base::Result<WorkerChild> WorkerChild::start(const std::string& binary, const std::optional<Identity>& identity) {
    std::array<int, 2> pair{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) < 0)
        return base::fail_errno("make channel of", "worker");
    base::UniqueFd ours(pair[0]);
    const base::UniqueFd theirs(pair[1]);
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) < 0)
        return base::fail_errno("make socket for listeners of", "worker");
    base::UniqueFd handover(pair[0]);
    const base::UniqueFd their_handover(pair[1]);
    if (::pipe2(pair.data(), O_CLOEXEC) < 0) return base::fail_errno("make report pipe of", "worker");
    const base::UniqueFd report(pair[0]);
    base::UniqueFd report_end(pair[1]);
    const base::UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null.valid()) return base::fail_errno("open", "/dev/null");

    std::string argument = binary;
    const std::array<char*, 2> arguments{argument.data(), nullptr};
    const auto environment = environment_of_worker();
    const auto pid = fork_child({binary.c_str(), arguments.data(), environment.data(), identity ? &*identity : nullptr,
                                 theirs.get(), their_handover.get(), report_end.get(), null.get(), ::getpid()});
    if (pid < 0) return base::fail_errno("fork", "worker");
    base::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const auto pidfd_code = errno;
    WorkerChild child(pid, std::move(pidfd), std::move(ours), std::move(handover));
    if (!child.pidfd_.valid()) return base::fail({"open pidfd of", "worker", pidfd_code, {}, {}});

    report_end.reset();
    Failure failure;
    ssize_t size = 0;
    do {
        size = ::read(report.get(), &failure, sizeof(failure));
    } while (size < 0 && errno == EINTR);
    if (size == 0) return child;  // exec closed the other end
    if (size != sizeof(failure)) return base::fail({"start worker", binary, 0, "it died before it began", {}});
    const std::string remedy =
        failure.step == Step::execute && failure.code == EACCES && identity ? "it must be executable for the worker's user" : "";
    return base::fail({std::string(name(failure.step)) + " worker", binary, failure.code, {}, remedy});
}

WorkerChild::WorkerChild(pid_t pid, base::UniqueFd pidfd, base::UniqueFd socket, base::UniqueFd handover)
    : pid_(pid), pidfd_(std::move(pidfd)), socket_(std::move(socket)), handover_(std::move(handover)) {}

WorkerChild::WorkerChild(WorkerChild&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      pidfd_(std::move(other.pidfd_)),
      socket_(std::move(other.socket_)),
      handover_(std::move(other.handover_)) {}

WorkerChild::~WorkerChild() {
    if (pid_ == 0) return;
    send_signal(SIGKILL);
    (void)reap();
}

void WorkerChild::send_signal(int signal) const {
    if (pid_ > 0) ::kill(pid_, signal);  // not reaped, so the id is still its own
}

bool WorkerChild::wait_ended(std::chrono::milliseconds timeout) const { return base::wait_for(pidfd_.get(), POLLIN, timeout); }

std::string WorkerChild::reap() {
    siginfo_t info{};
    int result = 0;
    do {
        result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
    } while (result < 0 && errno == EINTR);
    pid_ = 0;
    // Somebody else has reaped it, by ignoring SIGCHLD for example.
    if (result < 0) return std::string("ended, how is not known (") + std::strerror(errno) + ")";
    return in_words(info);
}

}  // namespace meshd::app
