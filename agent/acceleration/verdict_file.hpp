// SPDX-License-Identifier: Apache-2.0
// What the self-test proved, kept for the next start on the same kernel with the same build.
#pragma once

#include <optional>
#include <string>

#include "acceleration/verdict.hpp"
#include "base/error.hpp"

namespace meshd::acceleration {

std::string running_kernel();  // its release, as uname() has it

class VerdictFile {
public:
    explicit VerdictFile(const std::string& state_directory)
        : directory_(state_directory), path_(state_directory + "/acceleration.json") {}

    [[nodiscard]] const std::string& path() const { return path_; }

    // Nothing when there is none, when it is of another kernel or another build, or when it cannot be read.
    [[nodiscard]] std::optional<Verdict> load(const std::string& kernel) const;
    [[nodiscard]] base::Result<void> save(const Verdict& verdict) const;
    [[nodiscard]] base::Result<void> remove() const;

private:
    std::string directory_, path_;
};

}  // namespace meshd::acceleration
