// SPDX-License-Identifier: Apache-2.0
#include "app/state_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "model/service_json.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

constexpr int format_version = 1;

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

bool write_line(std::FILE* file, const json::object& object) {
    const auto line = json::serialize(object) + "\n";
    return std::fwrite(line.data(), 1, line.size(), file) == line.size();
}

bool write_all(std::FILE* file, const model::DesiredState& state) {
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    if (!write_line(file, {{"format", format_version}, {"saved_at_s", now.count()}, {"services", state.services.size()}}))
        return false;
    for (const auto& [name, service] : state.services)
        if (!write_line(file, model::to_json(*service))) return false;
    return std::fflush(file) == 0 && ::fsync(::fileno(file)) == 0;
}

}  // namespace

base::Result<void> StateFile::save(const model::DesiredState& state) const {
    const auto beside = path_ + ".new";
    if (::mkdir(directory_.c_str(), 0755) != 0 && errno != EEXIST) return base::fail_errno("make directory", directory_);
    const File file(std::fopen(beside.c_str(), "we"));
    if (!file) return base::fail_errno("write", beside);
    if (write_all(file.get(), state) && std::rename(beside.c_str(), path_.c_str()) == 0) return {};
    const auto failure = base::fail_errno("write", beside, "make room in, or allow writing to, " + directory_);
    ::unlink(beside.c_str());
    return failure;
}

base::Result<SavedState> StateFile::load() const {
    SavedState saved;
    std::ifstream file(path_);
    if (!file) {
        if (errno == ENOENT) return saved;
        return base::fail_errno("read", path_);
    }
    const auto bad = [this](std::size_t line, const std::string& why) {
        return base::fail(
            {"read", path_ + ":" + std::to_string(line), 0, why, "it is not used, and replaced at the next change"});
    };
    std::size_t number = 0;
    std::size_t expected = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        boost::system::error_code error;
        const auto value = json::parse(line, error);
        if (error) return bad(number, "no JSON: " + error.message());
        if (number == 1) {
            const auto* const head = value.if_object();
            const auto* const format = head ? head->if_contains("format") : nullptr;
            const auto* const time = head ? head->if_contains("saved_at_s") : nullptr;
            const auto* const count = head ? head->if_contains("services") : nullptr;
            if (format == nullptr || time == nullptr || count == nullptr || *format != format_version || !time->is_int64() ||
                !count->is_int64())
                return bad(number, "no head of format " + std::to_string(format_version));
            saved.saved_at = std::chrono::system_clock::time_point(std::chrono::seconds(time->get_int64()));
            expected = static_cast<std::size_t>(count->get_int64());
            continue;
        }
        auto service = model::service_from_json(value);
        if (!service) return bad(number, service.error().message());
        saved.services.push_back(std::make_shared<const model::Service>(std::move(*service)));
    }
    if (saved.services.size() != expected) return bad(number, "it ends early");
    return saved;
}

base::Result<void> StateFile::remove() const {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove", path_);
    return {};
}

}  // namespace meshd::app
