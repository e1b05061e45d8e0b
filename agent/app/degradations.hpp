// SPDX-License-Identifier: Apache-2.0
// What does not work as it should right now, since when, and what to do: one list for status, metrics and the log.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace meshd::app {

struct Degradation {
    std::string reason;
    std::string remedy;
    std::chrono::system_clock::time_point since;
};

class Degradations {
public:
    // Logged when it begins or its reason changes; `since` stays that of the beginning.
    void set(const std::string& feature, const std::string& reason, const std::string& remedy);
    void clear(const std::string& feature);

    [[nodiscard]] const std::map<std::string, Degradation>& all() const { return all_; }

private:
    std::map<std::string, Degradation> all_;
};

}  // namespace meshd::app
