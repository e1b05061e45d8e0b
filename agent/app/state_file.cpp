// SPDX-License-Identifier: Apache-2.0
#include "app/state_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "base/unique_fd.hpp"
#include "model/service_json.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

constexpr int format_version = 2;
constexpr int oldest_format = 1;  // without batches

// Batches may be as much as the services themselves, and this is not worth a rewrite.
constexpr std::size_t least_batches = 1000;

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

bool write_line(std::FILE* file, const json::object& object) {
    const auto line = json::serialize(object) + "\n";
    return std::fwrite(line.data(), 1, line.size(), file) == line.size();
}

bool sync(std::FILE* file) { return std::fflush(file) == 0 && ::fdatasync(::fileno(file)) == 0; }

std::int64_t now_s() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool write_all(std::FILE* file, const model::DesiredState& state) {
    if (!write_line(file, {{"format", format_version}, {"saved_at_s", now_s()}, {"services", state.services.size()}}))
        return false;
    for (const auto& [name, service] : state.services)
        if (!write_line(file, model::to_json(*service))) return false;
    return sync(file);
}

bool write_batch(std::FILE* file, const StateFile::Changes& changes) {
    json::array gone;
    for (const auto& [name, service] : changes)
        if (!service) gone.emplace_back(name);
    const auto services = changes.size() - gone.size();
    if (!write_line(file, {{"saved_at_s", now_s()}, {"services", services}, {"remove", std::move(gone)}})) return false;
    for (const auto& [name, service] : changes)
        if (service && !write_line(file, model::to_json(*service))) return false;
    return sync(file);
}

// The head of all, or of a batch.
struct Head {
    std::chrono::system_clock::time_point saved_at;
    std::size_t services = 0;
    std::vector<std::string> remove;
};

std::optional<Head> read_head(const json::value& value, bool is_first) {
    const auto* const object = value.if_object();
    if (object == nullptr) return std::nullopt;
    const auto* const time = object->if_contains("saved_at_s");
    const auto* const count = object->if_contains("services");
    if (time == nullptr || count == nullptr || !time->is_int64() || !count->is_int64() || count->get_int64() < 0)
        return std::nullopt;
    Head head;
    head.saved_at = std::chrono::system_clock::time_point(std::chrono::seconds(time->get_int64()));
    head.services = static_cast<std::size_t>(count->get_int64());
    if (is_first) {
        const auto* const format = object->if_contains("format");
        if (format == nullptr || !format->is_int64() || format->get_int64() < oldest_format ||
            format->get_int64() > format_version)
            return std::nullopt;
        return head;
    }
    const auto* const gone = object->if_contains("remove");
    if (gone == nullptr || !gone->is_array()) return std::nullopt;
    for (const auto& name : gone->get_array()) {
        if (!name.is_string()) return std::nullopt;
        head.remove.emplace_back(name.get_string());
    }
    return head;
}

}  // namespace

base::Result<void> StateFile::save(const model::DesiredState& state) {
    is_whole_ = false;
    const auto beside = path_ + ".new";
    if (::mkdir(directory_.c_str(), 0755) != 0 && errno != EEXIST) return base::fail_errno("make directory", directory_);
    const File file(std::fopen(beside.c_str(), "we"));
    if (!file) return base::fail_errno("write", beside);
    if (write_all(file.get(), state) && std::rename(beside.c_str(), path_.c_str()) == 0) {
        saved_ = state.services.size();
        appended_ = 0;
        is_whole_ = true;
        return {};
    }
    const auto failure = base::fail_errno("write", beside, "make room in, or allow writing to, " + directory_);
    ::unlink(beside.c_str());
    return failure;
}

bool StateFile::is_worth_appending(std::size_t changes) const {
    return is_whole_ && appended_ + changes <= std::max(saved_, least_batches);
}

base::Result<void> StateFile::append(const Changes& changes) {
    is_whole_ = false;
    // Not made when it is missing: a batch alone says nothing.
    base::UniqueFd descriptor(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!descriptor.valid()) return base::fail_errno("open", path_);
    const File file(::fdopen(descriptor.get(), "a"));
    if (file) (void)descriptor.release();
    if (!file || !write_batch(file.get(), changes))
        return base::fail_errno("write", path_, "make room in, or allow writing to, " + directory_);
    appended_ += changes.size();
    is_whole_ = true;
    return {};
}

base::Result<SavedState> StateFile::load() const {
    SavedState saved;
    std::ifstream file(path_);
    if (!file) {
        if (errno == ENOENT) return saved;
        return base::fail_errno("read", path_);
    }
    std::size_t number = 0;
    const auto bad = [&](const std::string& why) {
        return base::fail(
            {"read", path_ + ":" + std::to_string(number), 0, why, "it is not used, and replaced at the next change"});
    };
    Changes services;
    std::string line;
    // Whether a line came; one without its end is one that was being written.
    const auto next = [&] { return ++number, std::getline(file, line) && !file.eof(); };
    for (bool is_first = true; next(); is_first = false) {
        boost::system::error_code error;
        auto value = json::parse(line, error);
        const auto head = error ? std::nullopt : read_head(value, is_first);
        if (!head) return bad(is_first ? "no head of format " + std::to_string(format_version) : "no head of a batch of changes");
        Changes batch;
        for (const auto& name : head->remove) batch[name] = nullptr;
        for (std::size_t i = 0; i < head->services; ++i) {
            if (!next()) {
                if (is_first) return bad("it ends early");
                break;
            }
            value = json::parse(line, error);
            if (error) return bad("no JSON: " + error.message());
            auto service = model::service_from_json(value);
            if (!service) return bad(service.error().message());
            auto name = service->name;
            batch[std::move(name)] = std::make_shared<const model::Service>(std::move(*service));
        }
        if (file.eof()) break;
        saved.saved_at = head->saved_at;
        for (auto& [name, service] : batch) services[name] = std::move(service);
    }
    if (number == 1) return bad("it is empty");
    for (auto& [name, service] : services)
        if (service) saved.services.push_back(std::move(service));
    return saved;
}

base::Result<void> StateFile::remove() {
    is_whole_ = false;
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove", path_);
    return {};
}

}  // namespace meshd::app
