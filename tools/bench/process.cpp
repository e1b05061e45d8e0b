// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <utility>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.hpp"

namespace meshd::bench {

void pin_to(int cpu) {
    if (cpu < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    if (::sched_setaffinity(0, sizeof set, &set) != 0) throw_errno("run on CPU " + std::to_string(cpu));
}

void enter_cgroup(const std::string& directory) {
    if (directory.empty()) return;
    std::ofstream procs(directory + "/cgroup.procs");
    procs << "0" << std::flush;
    if (!procs) throw std::runtime_error("cannot enter cgroup " + directory);
}

Child::Child(const std::function<void()>& body) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw_errno("fork");
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);  // it ended before the line above
    try {
        body();
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
    }
    ::_exit(1);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

Child::~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

}  // namespace meshd::bench
