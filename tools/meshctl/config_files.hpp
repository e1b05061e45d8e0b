// SPDX-License-Identifier: Apache-2.0
// Files of the configuration, read and checked without an agent: each on its own, and those of the registry together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "config/registry_file.hpp"

namespace meshd::meshctl {

// Told by content: a file with `services`, `policies` or `service_settings` at its top is one of the registry.
enum class FileKind { unknown, empty, settings, registry };

std::string_view name(FileKind kind);

struct CheckedFile {
    std::string path;
    FileKind kind = FileKind::unknown;  // unknown: it could not be read so far
    std::size_t services = 0;
    std::optional<base::Error> error;
};

struct CheckedFiles {
    std::vector<CheckedFile> files;                 // in the order given, those of a directory by name
    std::vector<config::RegistryFile> registries;   // all that could be read on their own; services have the files' settings
    std::vector<model::ServiceSettings> elsewhere;  // settings for services that no file describes

    [[nodiscard]] std::size_t refused() const;
};

// Those that the paths name; a directory stands for the files in it that the registry would read, and is an error when it cannot
// be read. "-" is taken for a file.
std::vector<CheckedFile> named_files(const std::vector<std::string>& paths);

// A directory stands for the files in it that the registry would read. A path that is named twice is checked once.
CheckedFiles check_files(const std::vector<std::string>& paths);

// "FILE:LINE:COLUMN: what is wrong; what to do"
std::string error_line(const base::Error& error);

}  // namespace meshd::meshctl
