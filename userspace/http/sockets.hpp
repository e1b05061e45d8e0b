// SPDX-License-Identifier: Apache-2.0
// The system calls that make listening and connected sockets, so that each failure has its own words. Private to this library.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "http/message.hpp"
#include "http/server.hpp"

namespace meshd::http {

// The file of a listening unix socket; removed with this object when it is still the one that was made.
class SocketFile {
public:
    SocketFile() = default;
    SocketFile(std::string path, dev_t device, ino_t inode) : path_(std::move(path)), device_(device), inode_(inode) {}
    SocketFile(SocketFile&& other) noexcept
        : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}
    SocketFile& operator=(SocketFile&&) = delete;
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;
    ~SocketFile();

private:
    std::string path_;  // empty: there is none
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

// A socket that listens and does not block.
struct ListeningSocket {
    base::UniqueFd fd;
    SocketFile file;
    base::SocketAddress address;  // of a TCP socket
};

base::Result<ListeningSocket> listen_on(const UnixSocket& socket);
base::Result<ListeningSocket> listen_on(const base::SocketAddress& address);
// One for TCP that listens already.
base::Result<ListeningSocket> adopt(base::UniqueFd listening);

// Nothing for a socket that is no unix socket.
std::optional<Peer> peer_of(int fd);

base::Result<base::UniqueFd> connect_to(const std::string& path, std::chrono::milliseconds timeout);

}  // namespace meshd::http
