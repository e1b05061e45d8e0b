// SPDX-License-Identifier: Apache-2.0
// Which announced services people have drained, kept over restarts and reboots.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace meshd::app {

using Names = std::set<std::string>;

std::string drained_text(const Names& names);
base::Result<Names> parse_drained(std::string_view text, const std::string& file);

class DrainedFile {
public:
    explicit DrainedFile(const std::string& directory) : directory_(directory), path_(directory + "/announcements.json") {}

    [[nodiscard]] base::Result<void> save(const Names& names) const;
    [[nodiscard]] base::Result<Names> load() const;  // no file: none

private:
    std::string directory_, path_;
};

}  // namespace meshd::app
