// SPDX-License-Identifier: Apache-2.0
// The file registry: services from the files *.yaml and *.yml of one directory, which is followed.
//
// A file counts as changed when its writer has closed it, or when it was renamed into place; then only that file is read. A file
// that is refused keeps its last good content, a file that is gone takes its services with it, a directory that is gone takes
// nothing. Everything is looked at again at an interval, whatever events said.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.hpp"
#include "config/text_file.hpp"
#include "model/service.hpp"
#include "registry/catalog.hpp"
#include "registry/directory_watch.hpp"

namespace meshd::registry {

struct FileSourceTimes {
    std::chrono::milliseconds gather{2};       // from the first event to the look at what it says
    std::chrono::milliseconds rescan{30'000};  // between two looks at everything
    std::chrono::milliseconds retry{1'000};    // the same while the directory cannot be read
    std::chrono::milliseconds vanish{1'000};   // editors move a file away before they write the new one, and may be held up
    std::chrono::milliseconds settle{2'000};   // a file that was written more recently and not closed may be half written
};

struct FileSourceHandlers {
    std::function<void(const Change&)> on_change;  // first from start(), with all there is; then when something differs
    std::function<void()> on_status;               // when statuses() or directory_error() differ from what they were
};

// For one thread: that of `io`. Handlers run there and must not destroy the source.
class FileSource {
public:
    FileSource(boost::asio::io_context& io, std::string directory, FileSourceHandlers handlers, FileSourceTimes times = {});
    FileSource(const FileSource&) = delete;
    FileSource& operator=(const FileSource&) = delete;

    // Reads everything once, then follows. A directory that is missing is no error here: it is waited for.
    base::Result<void> start();

    // Looks at everything again, now.
    void sync();

    [[nodiscard]] const model::DesiredState& state() const { return catalog_.state(); }
    [[nodiscard]] std::vector<model::Rule> rules() const { return catalog_.rules(); }
    [[nodiscard]] const std::map<std::string, model::ServiceSettingsPtr>& settings() const { return catalog_.settings(); }
    [[nodiscard]] std::vector<std::string> unread() const { return catalog_.unread(); }
    [[nodiscard]] std::vector<SourceStatus> statuses() const { return catalog_.statuses(); }
    [[nodiscard]] const std::string& directory_error() const { return directory_error_; }  // empty when it can be read

private:
    using Clock = std::chrono::steady_clock;
    // Why a file is looked at, and so what may be believed of it.
    enum class Sign {
        written,   // its writer is done with it
        switched,  // it was whole before it came to this place, and may be the same as before
        none,      // it may have changed, and somebody may still be writing it
    };

    void on_sightings(const Sightings& seen);
    void on_timer();
    void look_at_everything(Sign sign);
    void look_at(const std::string& name, Sign sign);
    void look_at_vanished(Clock::time_point now);
    void commit();
    std::vector<Reading> read(const std::set<std::string>& names);
    bool is_still_written(const std::string& path, const std::set<std::string>& changing, const std::set<std::string>& changed);
    std::set<std::string> vanishing_among(const std::set<std::string>& paths) const;
    void tell();
    void wait();

    [[nodiscard]] std::string path_of(const std::string& name) const { return directory_ + '/' + name; }
    [[nodiscard]] std::string name_of(const std::string& path) const { return path.substr(directory_.size() + 1); }
    [[nodiscard]] std::set<std::string> names_of(const std::set<std::string>& paths) const;
    void set_directory_error(std::string error);

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    std::string directory_;
    FileSourceHandlers handlers_;
    FileSourceTimes times_;
    Catalog catalog_;
    std::map<std::string, config::FileStamp> stamps_;     // of what was read last, by name
    std::map<std::string, Clock::time_point> vanishing_;  // when a missing file counts as gone, by name
    Clock::time_point next_look_{};                       // at everything

    // What the present look has found; commit() takes it.
    std::set<std::string> to_read_;                  // names
    std::map<std::string, base::Error> unreadable_;  // by name
    std::set<std::string> gone_;                     // paths
    bool directory_was_read_ = false;

    std::string directory_error_;
    bool directory_error_changed_ = false;
    bool told_ = false;
    bool told_complete_ = false;
    std::unique_ptr<DirectoryWatch> watch_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace meshd::registry
