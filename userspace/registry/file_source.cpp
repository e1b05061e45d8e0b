// SPDX-License-Identifier: Apache-2.0
#include "registry/file_source.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/stat.h>

#include "registry/directory.hpp"

namespace meshd::registry {

namespace {

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

// Whether it was modified less than `settle` ago. A time far in the future is a wrong clock, and no reason to wait for it.
bool is_young(const config::FileStamp& stamp, std::chrono::milliseconds settle) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto age = std::chrono::abs(now - std::chrono::nanoseconds(stamp.modified_ns));
    return age < settle;
}

}  // namespace

FileSource::FileSource(boost::asio::io_context& io, std::string directory, FileSourceHandlers handlers, FileSourceTimes times)
    : io_(io), timer_(io), directory_(without_slash(std::move(directory))), handlers_(std::move(handlers)), times_(times) {}

base::Result<void> FileSource::start() {
    auto watch = DirectoryWatch::open(io_, directory_, times_.gather, [this](const Sightings& seen) { on_sightings(seen); });
    if (!watch) return base::fail(std::move(watch.error()));
    watch_ = std::move(*watch);
    // Nothing is known of the time before: a file that is half written now is read again when its writer closes it.
    look_at_everything(Sign::switched);
    commit();
    return {};
}

void FileSource::on_sightings(const Sightings& seen) {
    for (const auto& name : seen.written) look_at(name, Sign::written);
    for (const auto& name : seen.touched) look_at(name, Sign::none);
    if (seen.everything) look_at_everything(seen.everything_is_whole ? Sign::switched : Sign::none);
    commit();
}

void FileSource::on_timer() {
    const auto now = Clock::now();
    if (now >= next_look_) look_at_everything(Sign::none);
    look_at_vanished(now);
    commit();
}

void FileSource::sync() {
    look_at_everything(Sign::none);
    commit();
}

void FileSource::look_at_everything(Sign sign) {
    next_look_ = Clock::now() + times_.rescan;
    const auto armed = watch_->arm();
    const auto names = list_registry_files(directory_);
    if (!names) {
        // Last known good: nothing can be said about any file, so all stay as they are.
        next_look_ = Clock::now() + times_.retry;
        vanishing_.clear();
        set_directory_error(names.error().message());
        return;
    }
    const bool is_another = armed && *armed;
    set_directory_error(armed ? std::string{} : armed.error().message());
    directory_was_read_ = true;
    for (const auto& name : *names) look_at(name, sign);
    for (const auto& path : catalog_.paths())
        if (const auto name = name_of(path); !names->contains(name)) look_at(name, sign);
    // Who makes a directory anew may still be filling it.
    if (is_another && sign == Sign::none)
        for (auto& [name, deadline] : vanishing_) deadline = Clock::now() + times_.settle;
    to_read_.merge(names_of(catalog_.worth_another_look()));
}

void FileSource::look_at(const std::string& name, Sign sign) {
    struct stat status {};
    const bool exists = ::stat(path_of(name).c_str(), &status) == 0;
    if (!exists && errno != ENOENT && errno != ENOTDIR) {
        unreadable_.insert_or_assign(name, base::Error{"read", path_of(name), errno, {}, {}});
        stamps_.erase(name);
        return;
    }
    if (!exists || S_ISDIR(status.st_mode)) {
        if (catalog_.has(path_of(name))) vanishing_.try_emplace(name, Clock::now() + times_.vanish);
        return;
    }
    vanishing_.erase(name);
    const auto stamp = config::FileStamp::of(status);
    const auto known = stamps_.find(name);
    if (sign != Sign::written && known != stamps_.end() && known->second == stamp) return;
    if (sign == Sign::none && is_young(stamp, times_.settle)) {
        next_look_ = std::min(next_look_, Clock::now() + times_.settle);
        return;
    }
    to_read_.insert(name);
}

void FileSource::look_at_vanished(Clock::time_point now) {
    if (vanishing_.empty()) return;
    struct stat status {};
    if (::stat(directory_.c_str(), &status) != 0) {
        look_at_everything(Sign::none);
        return;
    }
    for (const auto& [name, deadline] : std::exchange(vanishing_, {})) {
        look_at(name, Sign::none);
        const auto missing = vanishing_.find(name);
        if (missing == vanishing_.end()) continue;
        missing->second = deadline;
        if (deadline > now) continue;
        gone_.insert(path_of(name));
        vanishing_.erase(missing);
    }
}

std::vector<Reading> FileSource::read(const std::set<std::string>& names) {
    std::vector<Reading> readings;
    readings.reserve(names.size());
    std::set<std::string> changed;
    watch_->begin_reading();
    for (const auto& name : names) {
        const auto path = path_of(name);
        auto file = config::read_text_file(path);
        if (!file) {
            stamps_.erase(name);
            // Gone since it was looked at: the next look finds that.
            if (file.error().code == ENOENT)
                vanishing_.try_emplace(name, Clock::now() + times_.vanish);
            else
                readings.push_back({path, base::fail(std::move(file.error()))});
            continue;
        }
        stamps_.insert_or_assign(name, file->stamp);
        if (file->changed) changed.insert(name);
        readings.push_back({path, config::parse_registry_file(file->text, path)});
    }
    const auto changing = watch_->end_reading();
    std::vector<Reading> sound;
    sound.reserve(readings.size());
    for (auto& reading : readings) {
        const bool is_torn = is_still_written(reading.path, changing, changed);
        // Known already, it stays as it is. New, it may hold any service: until it was read, nothing is complete.
        if (is_torn && catalog_.has(reading.path)) continue;
        if (is_torn)
            reading.file = base::fail({"read", reading.path, 0, "somebody is writing it", "it is read when it has been closed"});
        sound.push_back(std::move(reading));
    }
    return sound;
}

// What was read of a file that somebody is writing may be any part of it. Its close is reported; should none come (truncate(2)
// has none), the file is looked at again when it has been left alone for a while. So are one that `changed` under the reader's
// hands and one that is empty: the kernel tells of a write, and of a cut to nothing, only some time after it is so.
bool FileSource::is_still_written(const std::string& path, const std::set<std::string>& changing,
                                  const std::set<std::string>& changed) {
    const auto name = name_of(path);
    const auto stamp = stamps_.find(name);
    if (stamp == stamps_.end()) return false;
    const bool may_be = changing.contains(name) || stamp->second.size == 0;
    if (!changed.contains(name) && !(may_be && is_young(stamp->second, times_.settle))) return false;
    stamps_.erase(stamp);
    next_look_ = std::min(next_look_, Clock::now() + times_.settle);
    return true;
}

void FileSource::commit() {
    std::set<std::string> changed = gone_;
    for (const auto& name : to_read_) changed.insert(path_of(name));
    for (const auto& path : gone_) stamps_.erase(name_of(path));

    auto readings = read(std::exchange(to_read_, {}));
    for (auto& reading : read(names_of(catalog_.blocked_by(changed)))) readings.push_back(std::move(reading));
    for (auto& [name, error] : std::exchange(unreadable_, {})) readings.push_back({path_of(name), base::fail(std::move(error))});
    if (!readings.empty() || !gone_.empty()) catalog_.apply(std::move(readings), std::exchange(gone_, {}));

    // A file that was renamed: the new name waits for nothing but the old one, which is no longer there.
    const auto in_the_way = vanishing_among(catalog_.blockers_of(changed));
    if (!in_the_way.empty()) {
        for (const auto& path : in_the_way) {
            vanishing_.erase(name_of(path));
            stamps_.erase(name_of(path));
        }
        catalog_.apply(read(names_of(catalog_.blocked_by(in_the_way))), in_the_way);
    }
    if (directory_was_read_) catalog_.set_directory_was_read();
    tell();
    wait();
}

std::set<std::string> FileSource::vanishing_among(const std::set<std::string>& paths) const {
    std::set<std::string> result;
    for (const auto& path : paths)
        if (vanishing_.contains(name_of(path))) result.insert(path);
    return result;
}

std::set<std::string> FileSource::names_of(const std::set<std::string>& paths) const {
    std::set<std::string> names;
    for (const auto& path : paths) names.insert(name_of(path));
    return names;
}

void FileSource::set_directory_error(std::string error) {
    if (error == directory_error_) return;
    directory_error_ = std::move(error);
    directory_error_changed_ = true;
}

void FileSource::tell() {
    const auto change = catalog_.take_change();
    const bool is_first = !std::exchange(told_, true);
    const bool completeness_differs = std::exchange(told_complete_, change.complete) != change.complete;
    const bool directory_differs = std::exchange(directory_error_changed_, false);
    const bool status_differs = catalog_.take_status_changed() || directory_differs;
    if ((is_first || completeness_differs || !change.empty()) && handlers_.on_change) handlers_.on_change(change);
    if ((is_first || status_differs) && handlers_.on_status) handlers_.on_status();
}

void FileSource::wait() {
    auto when = next_look_;
    for (const auto& [name, deadline] : vanishing_) when = std::min(when, deadline);
    timer_.expires_at(when);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (!error && !alive.expired()) on_timer();
    });
}

}  // namespace meshd::registry
