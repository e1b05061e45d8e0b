// SPDX-License-Identifier: Apache-2.0
#include "config/text_file.hpp"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/unique_fd.hpp"

namespace meshd::config {

namespace {

constexpr std::string_view operation = "read";

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

base::Error too_large(const std::string& path) {
    return {std::string(operation), path, 0, fmt::format("larger than {} MiB", max_file_bytes >> 20U),
            "split it into several files"};
}

// A file may grow while it is read, so its size is only a hint.
base::Result<std::string> read_all(int fd, const std::string& path, std::size_t size_hint) {
    std::string text;
    std::size_t filled = 0;
    for (;;) {
        if (filled == text.size()) text.resize(std::max(filled * 2, size_hint + 1));
        const auto count = ::read(fd, text.data() + filled, text.size() - filled);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return base::fail_errno(operation, path);
        if (count == 0) break;
        filled += static_cast<std::size_t>(count);
        if (filled > max_file_bytes) return base::fail(too_large(path));
    }
    text.resize(filled);
    return text;
}

}  // namespace

FileStamp FileStamp::of(const struct stat& status) {
    return {status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

base::Result<TextFile> read_text_file(const std::string& path) {
    // O_NONBLOCK: opening a FIFO without a writer would wait for one.
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd.valid()) return base::fail_errno(operation, path);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return base::fail_errno(operation, path);
    if (!S_ISREG(status.st_mode)) return base::fail({std::string(operation), path, 0, "not a regular file", {}});
    if (status.st_size > static_cast<off_t>(max_file_bytes)) return base::fail(too_large(path));
    auto text = read_all(fd.get(), path, static_cast<std::size_t>(status.st_size));
    if (!text) return base::fail(std::move(text.error()));
    const auto stamp = FileStamp::of(status);
    // A file that was cut to nothing has its new size before it has its new time, so the text is held against the size, too.
    const bool changed =
        std::cmp_not_equal(text->size(), stamp.size) || ::fstat(fd.get(), &status) != 0 || FileStamp::of(status) != stamp;
    return TextFile{std::move(*text), stamp, changed};
}

base::Result<std::string> read_secret_file(const std::string& path) {
    auto file = read_text_file(path);
    if (!file) return base::fail(std::move(file.error()));
    constexpr std::string_view white = " \t\r\n";
    auto& text = file->text;
    text.erase(text.find_last_not_of(white) + 1);  // npos + 1 is 0
    text.erase(0, text.find_first_not_of(white));
    return std::move(text);
}

}  // namespace meshd::config
