// SPDX-License-Identifier: Apache-2.0
#include "kernel/directory_lock.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace meshd::kernel {

namespace {

// A line of /proc/locks (proc_locks(5)): "1: FLOCK  ADVISORY  WRITE 3517 00:16:5087 0 EOF". The pid is one of this pid namespace,
// or 0.
std::string holder_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return {};
    const auto inode = ":" + std::to_string(status.st_ino);
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        std::istringstream fields(line);
        std::string number, kind, advisory, access, pid, file;
        fields >> number >> kind >> advisory >> access >> pid >> file;
        if (kind == "FLOCK" && file.size() > inode.size() && file.ends_with(inode)) return pid;
    }
    return {};
}

}  // namespace

base::Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
    base::UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) return base::fail_errno("open", directory);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return DirectoryLock(std::move(fd));
    if (errno != EWOULDBLOCK) return base::fail_errno("lock", directory);
    const auto pid = holder_of(fd.get());
    return base::fail({"take over", directory, 0,
                       "another meshd" + (pid.empty() ? std::string{} : " (pid " + pid + ")") + " is using it",
                       "stop that one first, or give this one other directories (--bpffs, --run-dir, --state-dir)"});
}

}  // namespace meshd::kernel
