// SPDX-License-Identifier: Apache-2.0
#include "sockets/borrowed.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "sockets/descriptors.hpp"

namespace meshd::sockets {

namespace {

// pidfd_open(2) and pidfd_getfd(2), Linux 5.6; the C library of Debian 12 has no name for the second.
base::UniqueFd borrow(pid_t process, int descriptor) {
    const base::UniqueFd owner(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    if (!owner.valid()) return {};
    return base::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_getfd, owner.get(), descriptor, 0)));
}

}  // namespace

std::unordered_map<std::uint32_t, md_sock_peer> remembered_of(const kernel::Map& storage,
                                                              const std::unordered_set<std::uint32_t>& inodes) {
    std::unordered_map<std::uint32_t, md_sock_peer> found;
    if (inodes.empty()) return found;
    for (const auto process : processes()) {
        for_each_socket(process, [&](int descriptor, std::uint32_t inode) {
            if (!inodes.contains(inode) || found.contains(inode)) return;
            const auto socket = borrow(process, descriptor);
            md_sock_peer memory{};
            const int fd = socket.get();
            // It may be another socket by now; then its destination is another than that of the list, or its cookie is.
            if (!socket.valid()) return;
            if (const auto there = storage.lookup(&fd, &memory); there && *there) found.emplace(inode, memory);
        });
        if (found.size() == inodes.size()) break;
    }
    return found;
}

void for_each_borrowed(const std::function<void(int)>& visit) {
    std::unordered_set<std::uint32_t> seen;
    for (const auto process : processes())
        for_each_socket(process, [&](int descriptor, std::uint32_t inode) {
            if (seen.contains(inode)) return;
            const auto socket = borrow(process, descriptor);
            if (!socket.valid()) return;  // another process may hold it, too
            seen.insert(inode);
            visit(socket.get());
        });
}

}  // namespace meshd::sockets
