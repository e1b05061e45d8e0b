// SPDX-License-Identifier: Apache-2.0
// What a run has found, added up by the threads that drive it.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "board.hpp"

namespace meshd::shapes {

class Outcome {
public:
    explicit Outcome(std::uint64_t seed) : seed_(seed) {}

    void add(const Slot& slot);  // both ends have finished
    void add_failure(const Plan& plan, const std::string& what, bool hang);

    [[nodiscard]] bool flawless() const;
    [[nodiscard]] boost::json::object to_json() const;

private:
    void count(const Plan& plan);
    void note(const Plan& plan, const std::string& what, bool is_flaw);

    mutable std::mutex mutex_;
    const std::uint64_t seed_;
    std::uint64_t connections_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t wrong_ = 0;  // connections; so are the next two
    std::uint64_t stalls_ = 0;
    std::uint64_t hangs_ = 0;
    std::uint64_t waitall_short_ = 0;  // calls
    std::array<std::uint64_t, 64> by_shape_{};
    std::array<std::uint64_t, 64> flaws_by_shape_{};
    std::vector<std::string> errors_;
};

}  // namespace meshd::shapes
