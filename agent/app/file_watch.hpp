// SPDX-License-Identifier: Apache-2.0
// Tells when one file has been written or replaced: it watches the directory, since editors replace the file itself.
#pragma once

#include <array>
#include <functional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/error.hpp"

namespace meshd::app {

class FileWatch {
public:
    // The directory must exist; the file need not.
    static base::Result<std::unique_ptr<FileWatch>> start(boost::asio::io_context& loop, const std::string& path,
                                                          std::function<void()> changed);

private:
    FileWatch(boost::asio::io_context& loop, int fd, std::string name, std::function<void()> changed);
    void wait();

    boost::asio::posix::stream_descriptor inotify_;
    std::string name_;
    std::function<void()> changed_;
    alignas(8) std::array<char, 4096> buffer_{};
};

}  // namespace meshd::app
