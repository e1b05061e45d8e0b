// SPDX-License-Identifier: Apache-2.0
// Reads whole text files, with a bound on what they may take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/stat.h>

#include "base/error.hpp"

namespace meshd::config {

inline constexpr std::size_t max_file_bytes = 64U << 20U;

// Tells whether a file has changed since it was read. The time of the inode's last change is in it, so that a writer who
// restores the time of modification (rsync -t, cp -p) is seen too.
struct FileStamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;

    static FileStamp of(const struct stat& status);
    bool operator==(const FileStamp&) const = default;
};

struct TextFile {
    std::string text;
    FileStamp stamp;       // from before the first byte was read: a write in between makes it differ from the file's
    bool changed = false;  // while it was read: the text may be any part of the old and the new one
};

// Follows symbolic links. Refuses what is no regular file and what is larger than max_file_bytes.
base::Result<TextFile> read_text_file(const std::string& path);

// A token or a password, as people and programs write it into a file of its own: without the white space at its ends.
base::Result<std::string> read_secret_file(const std::string& path);

}  // namespace meshd::config
