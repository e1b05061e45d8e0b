// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include "config/text_file.hpp"

namespace meshd::config {

// A file in the temporary directory for the time of a test.
class TemporaryFile {
public:
    explicit TemporaryFile(std::string_view content) {
        ::close(::mkstemp(path_.data()));
        std::ofstream(path_, std::ios::binary) << content;
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { ::unlink(path_.c_str()); }

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_ = "/tmp/meshd-config-XXXXXX";
};

}  // namespace meshd::config
