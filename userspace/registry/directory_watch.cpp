// SPDX-License-Identifier: Apache-2.0
#include "registry/directory_watch.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/directory.hpp"

namespace meshd::registry {

namespace asio = boost::asio;

namespace {

constexpr std::uint32_t directory_mask = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
                                         IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t parent_mask = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR;

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

base::Result<std::unique_ptr<DirectoryWatch>> DirectoryWatch::open(asio::io_context& io, std::string directory,
                                                                   std::chrono::milliseconds gather, Handler handler) {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return base::fail_errno("create an inotify instance for", directory, "raise fs.inotify.max_user_instances");
    std::unique_ptr<DirectoryWatch> watch(new DirectoryWatch(io, fd, std::move(directory), gather, std::move(handler)));
    watch->wait();
    return watch;
}

DirectoryWatch::DirectoryWatch(asio::io_context& io, int fd, std::string directory, std::chrono::milliseconds gather,
                               Handler handler)
    : inotify_(io, fd), timer_(io), directory_(std::move(directory)), gather_(gather), handler_(std::move(handler)) {}

base::Result<bool> DirectoryWatch::arm() {
    const auto replace = [this](int& watch, int found) {
        const bool is_another = watch != found;
        if (watch >= 0 && is_another) ::inotify_rm_watch(inotify_.native_handle(), watch);
        watch = found;
        return is_another;
    };
    // A parent that may be passed through but not read cannot be watched; the periodic look finds what is missed by that.
    replace(parent_watch_, ::inotify_add_watch(inotify_.native_handle(), parent_of(directory_).c_str(), parent_mask));
    const int found = ::inotify_add_watch(inotify_.native_handle(), directory_.c_str(), directory_mask);
    const int why = errno;
    const bool is_another = replace(directory_watch_, found);
    if (found >= 0) return is_another;
    return base::fail({"watch", directory_, why, {}, why == ENOSPC ? "raise fs.inotify.max_user_watches" : ""});
}

void DirectoryWatch::wait() {
    inotify_.async_wait(asio::posix::stream_descriptor::wait_read,
                        [this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
                            if (error || alive.expired()) return;
                            read_events();
                            wait();
                        });
}

void DirectoryWatch::read_events() {
    alignas(inotify_event) std::array<char, 65536> buffer;
    for (;;) {
        const auto count = ::read(inotify_.native_handle(), buffer.data(), buffer.size());
        if (count <= 0) break;  // EAGAIN: all has been read
        for (std::size_t at = 0; at < static_cast<std::size_t>(count);) {
            const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
            take(event);
            at += sizeof event + event.len;
        }
    }
    if (!seen_.empty()) report_soon();
}

void DirectoryWatch::take(const inotify_event& event) {
    if ((event.mask & IN_Q_OVERFLOW) != 0)
        seen_.everything = true;
    else if (event.wd == directory_watch_)
        take_from_directory(event);
    else if (event.wd == parent_watch_)
        take_from_parent(event);
}

void DirectoryWatch::take_from_parent(const inotify_event& event) {
    if (event.len == 0 || std::string_view(event.name) != last_part(directory_)) return;
    seen_.everything = true;
    struct stat status {};
    const bool is_symlink = ::lstat(directory_.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
    // A directory that was renamed or linked into place was made ready before; one that was created is still being filled.
    seen_.everything_is_whole |= (event.mask & IN_MOVED_TO) != 0 || ((event.mask & IN_CREATE) != 0 && is_symlink);
}

void DirectoryWatch::take_from_directory(const inotify_event& event) {
    if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) != 0) {
        seen_.everything = true;
        return;
    }
    if (event.len == 0) return;
    const std::string name = event.name;
    const bool is_put_there = (event.mask & (IN_MOVED_TO | IN_CREATE)) != 0;
    if (!is_registry_file_name(name)) {
        // Files may be links that lead through this one, as ..data of a Kubernetes ConfigMap.
        if (is_put_there && is_link(name)) seen_.everything = seen_.everything_is_whole = true;
        return;
    }
    const bool is_new_link = (event.mask & IN_CREATE) != 0 && is_link(name);  // never written and closed; other new files will be
    if ((event.mask & IN_MODIFY) != 0 || ((event.mask & IN_CREATE) != 0 && !is_new_link)) {
        begin_to_change(name);
        return;
    }
    unfinished_.erase(name);
    if ((event.mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0 || is_new_link)
        seen_.written.insert(name);
    else
        seen_.touched.insert(name);
}

void DirectoryWatch::begin_to_change(const std::string& name) {
    seen_.written.erase(name);  // its close will put it there again
    unfinished_.insert(name);
    modified_.insert(name);
}

void DirectoryWatch::begin_reading() {
    read_events();
    modified_.clear();
}

std::set<std::string> DirectoryWatch::end_reading() {
    read_events();
    auto changing = std::exchange(modified_, {});
    changing.insert(unfinished_.begin(), unfinished_.end());
    return changing;
}

bool DirectoryWatch::is_link(std::string_view name) const {
    struct stat status {};
    if (::lstat((directory_ + '/').append(name).c_str(), &status) != 0) return false;
    return S_ISLNK(status.st_mode) || (S_ISREG(status.st_mode) && status.st_nlink > 1);
}

void DirectoryWatch::report_soon() {
    if (std::exchange(report_is_due_, true)) return;
    timer_.expires_after(gather_);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (error || alive.expired()) return;
        report_is_due_ = false;
        if (!seen_.empty()) handler_(std::exchange(seen_, {}));
    });
}

}  // namespace meshd::registry
