// SPDX-License-Identifier: Apache-2.0
// What became of records, for the loop to look at while a thread works on them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace meshd::exporters {

// They outlive a change of the settings.
struct Counts {
    std::atomic<std::uint64_t> passed_on = 0;    // written, or taken by the collector
    std::atomic<std::uint64_t> left_out = 0;     // by the sample
    std::atomic<std::uint64_t> untold = 0;       // lost before they came here
    std::atomic<std::uint64_t> queue_full = 0;   // lost since too many waited
    std::atomic<std::uint64_t> refused = 0;      // the collector did not want them
    std::atomic<std::uint64_t> retries = 0;      // requests, or writes, that were tried again
    std::atomic<std::int64_t> last_error_s = 0;  // since the epoch; 0: never
};

struct Problem {
    std::string reason;
    std::string remedy;

    bool operator==(const Problem&) const = default;
};

class Outcome {
public:
    // `on_change` is called from the thread, when there is another problem than before or none any more.
    Outcome(std::shared_ptr<Counts> counts, std::function<void()> on_change)
        : counts_(std::move(counts)), on_change_(std::move(on_change)) {}

    [[nodiscard]] Counts& counts() { return *counts_; }

    void failed(const base::Error& error) {
        auto why = error;
        why.remedy.clear();
        counts_->last_error_s =
            std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
        set(Problem{why.message(), error.remedy});
    }
    void went_well() { set(std::nullopt); }

    [[nodiscard]] std::optional<Problem> problem() const {
        const std::lock_guard lock(mutex_);
        return problem_;
    }

private:
    void set(std::optional<Problem> problem) {
        {
            const std::lock_guard lock(mutex_);
            if (problem_ == problem) return;
            problem_ = std::move(problem);
        }
        on_change_();
    }

    std::shared_ptr<Counts> counts_;
    std::function<void()> on_change_;
    mutable std::mutex mutex_;
    std::optional<Problem> problem_;
};

}  // namespace meshd::exporters
