// SPDX-License-Identifier: Apache-2.0
#include "policy/policy_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "model/policy_json.hpp"

namespace meshd::policy {

namespace json = boost::json;

namespace {

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

base::Result<void> PolicyFile::save(const std::vector<model::Rule>& rules) const {
    json::array list;
    for (const auto& rule : rules) list.emplace_back(model::to_json(rule));
    const auto text = json::serialize(json::object{{"format", 1}, {"rules", std::move(list)}}) + "\n";
    const auto beside = path_ + ".new";
    if (::mkdir(directory_.c_str(), 0755) != 0 && errno != EEXIST) return base::fail_errno("make directory", directory_);
    const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(beside.c_str(), "we"));
    if (!file) return base::fail_errno("write", beside);
    const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() && std::fflush(file.get()) == 0 &&
                         ::fsync(::fileno(file.get())) == 0;
    if (written && std::rename(beside.c_str(), path_.c_str()) == 0) return {};
    const auto failure = base::fail_errno("write", beside, "make room in, or allow writing to, " + directory_);
    ::unlink(beside.c_str());
    return failure;
}

base::Result<std::vector<model::Rule>> PolicyFile::load() const {
    std::vector<model::Rule> rules;
    std::ifstream file(path_);
    if (!file) {
        if (errno == ENOENT) return rules;
        return base::fail_errno("read", path_);
    }
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    boost::system::error_code error;
    const auto value = json::parse(text, error);
    const auto* const head = error ? nullptr : value.if_object();
    const auto* const format = head != nullptr ? head->if_contains("format") : nullptr;
    const auto* const list = head != nullptr ? head->if_contains("rules") : nullptr;
    if (format == nullptr || *format != 1 || list == nullptr || !list->is_array())
        return base::fail({"read", path_, 0, "no rules of format 1", "it is not used, and replaced at the next change"});
    for (const auto& item : list->get_array()) {
        auto rule = model::rule_from_json(item);
        if (!rule) return tl::make_unexpected(rule.error());
        rules.push_back(std::move(*rule));
    }
    return rules;
}

}  // namespace meshd::policy
