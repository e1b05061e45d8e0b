// SPDX-License-Identifier: Apache-2.0
#include "health/kept_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace meshd::health {

namespace {

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(fd) == 0;
}

}  // namespace

base::Result<void> write_kept_file(const std::string& directory, const std::string& path, std::string_view text) {
    const auto beside = path + ".new";
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return base::fail_errno("make directory", directory);
    const base::UniqueFd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file.valid()) return base::fail_errno("write", beside);
    if (write_all(file.get(), text) && std::rename(beside.c_str(), path.c_str()) == 0) return {};
    const auto failure = base::fail_errno("write", path, "make room in, or allow writing to, " + directory);
    ::unlink(beside.c_str());
    return failure;
}

base::Result<std::optional<std::string>> read_kept_file(const std::string& path) {
    std::ifstream file(path);
    if (file) return std::string(std::istreambuf_iterator<char>(file), {});
    if (errno == ENOENT) return std::nullopt;
    return base::fail_errno("read", path);
}

}  // namespace meshd::health
