// SPDX-License-Identifier: Apache-2.0
#include "exporters/line_output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace meshd::exporters {

namespace {

using namespace std::chrono_literals;

constexpr auto rotation_retry = 10s;
constexpr int stdout_wait_ms = 1000;
constexpr std::size_t pipe_part = 4096;  // PIPE_BUF: what poll() has promised room for

std::string user() {
    std::array<char, 16384> buffer;
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
    return found == nullptr ? std::to_string(::geteuid()) : std::string(entry.pw_name);
}

std::string remedy(int code, const std::string& path) {
    const auto directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    switch (code) {
        case ENOENT:
        case EACCES:
        case EPERM:
            return "the worker's user must have its directory: install -d -o " + user() + " " + directory;
        case ENOSPC:
        case EDQUOT:
            return "make room in " + directory +
                   "; events wait in memory, and those that find no room there are lost and counted";
        case EROFS:
            return "name a file elsewhere, or let the unit write there (ReadWritePaths=)";
        default:
            return "events wait in memory, and those that find no room there are lost and counted";
    }
}

tl::unexpected<base::Error> failed(std::string_view operation, const std::string& path) {
    const int code = errno;
    return base::fail({std::string(operation), path, code, {}, remedy(code, path)});
}

}  // namespace

base::Result<void> RotatingFile::open() {
    struct stat status {};
    if (file_.valid() && ::fstat(file_.get(), &status) == 0 && status.st_nlink > 0) return {};
    // A FIFO without a reader must not hold this thread.
    base::UniqueFd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640));
    if (!file.valid()) return failed("open", path_);
    if (::fstat(file.get(), &status) != 0) return failed("look at", path_);
    if (!S_ISREG(status.st_mode)) return base::fail({"write to", path_, 0, "it is no file", "name a file, or stdout"});
    file_ = std::move(file);
    size_ = static_cast<std::uint64_t>(status.st_size);
    return {};
}

base::Result<void> RotatingFile::write(std::span<const std::string> lines, std::size_t& written) {
    written = 0;
    std::string text;
    std::size_t count = 0;
    const auto flush = [&]() -> base::Result<void> {
        if (auto done = append(text); !done) return done;
        written += count;
        count = 0;
        text.clear();
        return {};
    };
    for (const auto& line : lines) {
        if (size_ + text.size() + line.size() > most_ && size_ + text.size() > 0 &&
            std::chrono::steady_clock::now() >= next_rotation_) {
            if (auto done = flush(); !done) return done;
            rotated_ = rotate();
            if (!file_.valid()) return rotated_;
            if (!rotated_) next_rotation_ = std::chrono::steady_clock::now() + rotation_retry;
        }
        text += line;
        ++count;
    }
    if (auto done = flush(); !done) return done;
    return rotated_;
}

// All of it or nothing: half a line would spoil the next one, too.
base::Result<void> RotatingFile::append(std::string_view text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
        const auto size = ::write(file_.get(), text.data() + sent, text.size() - sent);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) {
            auto error = failed("write to", path_);
            (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
            return error;
        }
        sent += static_cast<std::size_t>(size);
    }
    size_ += sent;
    return {};
}

base::Result<void> RotatingFile::rotate() {
    const auto name = [this](std::uint32_t number) { return number == 0 ? path_ : path_ + "." + std::to_string(number); };
    for (auto number = keep_; number > 0; --number)
        if (::rename(name(number - 1).c_str(), name(number).c_str()) != 0 && errno != ENOENT)
            return failed("put aside", name(number - 1));
    file_.reset();
    return open();
}

base::Result<void> StandardOutput::write(std::span<const std::string> lines, std::size_t& written) {
    written = 0;
    for (const auto& line : lines) {
        while (sent_ < line.size()) {
            pollfd item{STDOUT_FILENO, POLLOUT, 0};
            if (::poll(&item, 1, stdout_wait_ms) == 0)
                return base::fail({"write to", "stdout", 0, "nobody reads it",
                                   "events wait in memory, and those that find no room "
                                   "there are lost and counted"});
            const auto size = ::write(STDOUT_FILENO, line.data() + sent_, std::min(line.size() - sent_, pipe_part));
            if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (size < 0) return failed("write to", "stdout");
            sent_ += static_cast<std::size_t>(size);
        }
        sent_ = 0;
        ++written;
    }
    return {};
}

}  // namespace meshd::exporters
