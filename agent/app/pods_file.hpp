// SPDX-License-Identifier: Apache-2.0
// The pods of this node as an API server had them last, kept over restarts: an agent that begins knows whose connections are
// whose before its worker has asked again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "model/pod.hpp"

namespace meshd::app {

std::string pods_text(const std::vector<model::Pod>& pods);
base::Result<std::vector<model::Pod>> parse_pods(std::string_view text, const std::string& file);

class PodsFile {
public:
    explicit PodsFile(const std::string& directory) : directory_(directory), path_(directory + "/pods.json") {}

    [[nodiscard]] base::Result<void> save(const std::vector<model::Pod>& pods) const;
    [[nodiscard]] base::Result<std::vector<model::Pod>> load() const;  // no file: none

private:
    std::string directory_, path_;
};

}  // namespace meshd::app
