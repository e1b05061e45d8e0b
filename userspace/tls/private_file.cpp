// SPDX-License-Identifier: Apache-2.0
#include "tls/private_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace meshd::tls {

namespace {

constexpr std::string_view operation = "write";

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

base::Result<void> give_to(int file, const std::string& path, const Owner& owner) {
    if (::geteuid() != 0 || ::fchown(file, owner.user, owner.group) == 0) return {};
    return base::fail_errno("give to its owner", path);
}

base::Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode, const std::optional<Owner>& owner) {
    std::string beside = path + ".XXXXXX";
    const base::UniqueFd file(::mkostemp(beside.data(), O_CLOEXEC));  // 0600
    if (!file.valid()) return base::fail_errno(operation, path);
    if (owner)
        if (auto given = give_to(file.get(), path, *owner); !given) {
            ::unlink(beside.c_str());
            return given;
        }
    if (write_all(file.get(), text) && ::fchmod(file.get(), mode) == 0 && ::fsync(file.get()) == 0 &&
        std::rename(beside.c_str(), path.c_str()) == 0) {
        const base::UniqueFd directory(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (directory.valid()) ::fsync(directory.get());
        return {};
    }
    auto failed = base::fail_errno(operation, path);
    ::unlink(beside.c_str());
    return failed;
}

}  // namespace meshd::tls
