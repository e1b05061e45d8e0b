// SPDX-License-Identifier: Apache-2.0
// What people have said of backends, kept over restarts and reboots.
#pragma once

#include <string>

#include "base/error.hpp"
#include "health/backend_states.hpp"

namespace meshd::health {

// Times are of the day: the caller converts them (steady_wall.hpp).
std::string overrides_text(const Overrides& overrides);
base::Result<Overrides> parse_overrides(std::string_view text, const std::string& file);

class OverrideFile {
public:
    explicit OverrideFile(const std::string& directory) : directory_(directory), path_(directory + "/backend_states.json") {}

    // Written beside, synchronised and renamed: a person was told that it holds.
    [[nodiscard]] base::Result<void> save(const Overrides& overrides) const;
    [[nodiscard]] base::Result<Overrides> load() const;  // no file: none

private:
    std::string directory_, path_;
};

}  // namespace meshd::health
