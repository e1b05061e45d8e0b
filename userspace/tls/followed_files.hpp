// SPDX-License-Identifier: Apache-2.0
// Some files that belong together, as they were when they were read and as the last look found them: they are changed one after
// the other, and are to be read again when they have come to rest.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "config/text_file.hpp"

namespace meshd::tls {

class FollowedFiles {
public:
    using Stamps = std::vector<std::optional<config::FileStamp>>;  // nothing: it cannot be read

    static Stamps stamps_of(const std::vector<std::string>& paths) {
        Stamps stamps;
        for (const auto& path : paths) {
            struct stat status {};
            stamps.push_back(::stat(path.c_str(), &status) == 0 ? std::optional(config::FileStamp::of(status)) : std::nullopt);
        }
        return stamps;
    }

    // Files that somebody has just written whole are settled at once.
    void note_settled(Stamps now) { seen_ = std::move(now); }

    void note_read(Stamps now) { read_ = seen_ = std::move(now); }

    // With each look. True: they differ from what was read, and not from what the look before found.
    bool should_read(Stamps now) {
        const bool is_settled = now != read_ && now == seen_;
        seen_ = std::move(now);
        return is_settled;
    }

private:
    Stamps read_, seen_;
};

}  // namespace meshd::tls
