// SPDX-License-Identifier: Apache-2.0
#include "app/file_watch.hpp"

#include <filesystem>
#include <memory>

#include <sys/inotify.h>
#include <boost/asio/buffer.hpp>

#include "base/unique_fd.hpp"

namespace meshd::app {

base::Result<std::unique_ptr<FileWatch>> FileWatch::start(boost::asio::io_context& loop, const std::string& path,
                                                          std::function<void()> changed) {
    base::UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!fd.valid()) return base::fail_errno("follow", path, "raise fs.inotify.max_user_instances");
    const std::filesystem::path file(path);
    if (::inotify_add_watch(fd.get(), file.parent_path().c_str(), IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
        return base::fail_errno("follow", path);
    return std::unique_ptr<FileWatch>(new FileWatch(loop, fd.release(), file.filename().string(), std::move(changed)));
}

FileWatch::FileWatch(boost::asio::io_context& loop, int fd, std::string name, std::function<void()> changed)
    : inotify_(loop, fd), name_(std::move(name)), changed_(std::move(changed)) {
    wait();
}

void FileWatch::wait() {
    inotify_.async_read_some(boost::asio::buffer(buffer_), [this](const boost::system::error_code& error, std::size_t size) {
        if (error) return;
        bool ours = false;
        for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
            const auto* const event = reinterpret_cast<const inotify_event*>(buffer_.data() + at);
            // After an overflow nobody knows what was missed.
            ours |= (event->mask & IN_Q_OVERFLOW) != 0 || (event->len > 0 && name_ == event->name);
            at += sizeof(inotify_event) + event->len;
        }
        wait();
        if (ours) changed_();
    });
}

}  // namespace meshd::app
