// SPDX-License-Identifier: Apache-2.0
#include "registry/directory.hpp"

#include <cerrno>
#include <memory>

#include <dirent.h>

namespace meshd::registry {

namespace {

bool ends_with(std::string_view text, std::string_view end) { return text.size() > end.size() && text.ends_with(end); }

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

bool is_registry_file_name(std::string_view name) {
    return !name.empty() && name.front() != '.' && (ends_with(name, ".yaml") || ends_with(name, ".yml"));
}

base::Result<std::set<std::string>> list_registry_files(const std::string& directory) {
    constexpr std::string_view operation = "read registry directory";
    const std::unique_ptr<DIR, CloseDirectory> stream(::opendir(directory.c_str()));
    if (!stream) return base::fail_errno(operation, directory);
    std::set<std::string> names;
    for (;;) {
        errno = 0;
        const auto* const entry = ::readdir(stream.get());
        if (entry == nullptr && errno != 0) return base::fail_errno(operation, directory);
        if (entry == nullptr) return names;
        if (is_registry_file_name(entry->d_name)) names.emplace(entry->d_name);
    }
}

}  // namespace meshd::registry
