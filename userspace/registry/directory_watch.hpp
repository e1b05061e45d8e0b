// SPDX-License-Identifier: Apache-2.0
// Follows a directory with inotify(7): which of its registry files were written, and when to look at all of them again.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.hpp"

struct inotify_event;

namespace meshd::registry {

// What happened since the last report, by file name. A name may be in both sets.
struct Sightings {
    std::set<std::string> written;     // closed by their writer, moved or linked into place: whole
    std::set<std::string> touched;     // removed, moved away, other permissions: worth a look
    bool everything = false;           // events were lost, or the directory itself is another one
    bool everything_is_whole = false;  // with everything: files were switched by a rename, as Kubernetes does it with ..data

    [[nodiscard]] bool empty() const { return written.empty() && touched.empty() && !everything; }
};

class DirectoryWatch {
public:
    using Handler = std::function<void(const Sightings&)>;

    // Reports at most `gather` after the first event. `directory` without a slash at the end. The handler runs on `io`, never
    // after the watch is gone; it must not destroy the watch.
    static base::Result<std::unique_ptr<DirectoryWatch>> open(boost::asio::io_context& io, std::string directory,
                                                              std::chrono::milliseconds gather, Handler handler);

    DirectoryWatch(const DirectoryWatch&) = delete;
    DirectoryWatch& operator=(const DirectoryWatch&) = delete;

    // Watches the directory that has the name now, and the one that it stands in. To be called before each look at everything:
    // what happens after it will be reported. Tells whether it is another directory than at the last call.
    base::Result<bool> arm();

    // Between a writer's close and the read that it leads to, another writer may have begun. Call begin_reading(), read, then
    // end_reading(): what was read of the names that it returns is not to be believed. They are reported again when they are
    // closed.
    void begin_reading();
    std::set<std::string> end_reading();

private:
    DirectoryWatch(boost::asio::io_context& io, int fd, std::string directory, std::chrono::milliseconds gather, Handler handler);
    void wait();
    void read_events();
    void take(const inotify_event& event);
    void take_from_parent(const inotify_event& event);
    void take_from_directory(const inotify_event& event);
    void begin_to_change(const std::string& name);
    void report_soon();
    [[nodiscard]] bool is_link(std::string_view name) const;

    boost::asio::posix::stream_descriptor inotify_;
    boost::asio::steady_timer timer_;
    std::string directory_;
    std::chrono::milliseconds gather_;
    Handler handler_;
    int directory_watch_ = -1;
    int parent_watch_ = -1;
    Sightings seen_;
    std::set<std::string> unfinished_;  // modified or created, and not closed since
    std::set<std::string> modified_;    // the same, closed or not, since begin_reading()
    bool report_is_due_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // handlers that outlive the watch find it gone
};

}  // namespace meshd::registry
