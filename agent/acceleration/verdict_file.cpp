// SPDX-License-Identifier: Apache-2.0
#include "acceleration/verdict_file.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "base/version.hpp"

namespace meshd::acceleration {

namespace json = boost::json;

namespace {

std::string build() { return std::string(base::version) + " " + base::commit; }

}  // namespace

std::string running_kernel() {
    utsname names{};
    return ::uname(&names) == 0 ? names.release : "unknown";
}

std::optional<Verdict> VerdictFile::load(const std::string& kernel) const {
    std::ifstream file(path_);
    if (!file) return std::nullopt;
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    boost::system::error_code error;
    const auto value = json::parse(text, error);
    const auto* const object = error ? nullptr : value.if_object();
    const auto* const made_by = object != nullptr ? object->if_contains("build") : nullptr;
    if (made_by == nullptr || *made_by != json::value(build())) return std::nullopt;
    const auto verdict = verdict_from_json(value);
    if (!verdict || verdict->kernel != kernel) return std::nullopt;
    return *verdict;
}

// Written beside and renamed: nobody reads half a file.
base::Result<void> VerdictFile::save(const Verdict& verdict) const {
    auto object = to_json(verdict);
    object["build"] = build();
    const auto beside = path_ + ".new";
    if (::mkdir(directory_.c_str(), 0755) != 0 && errno != EEXIST) return base::fail_errno("make directory", directory_);
    std::ofstream file(beside, std::ios::trunc);
    file << json::serialize(object) << "\n";
    file.close();
    if (!file) return base::fail_errno("write", beside);
    if (std::rename(beside.c_str(), path_.c_str()) != 0) return base::fail_errno("replace", path_);
    return {};
}

base::Result<void> VerdictFile::remove() const {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove", path_);
    return {};
}

}  // namespace meshd::acceleration
