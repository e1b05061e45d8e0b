// SPDX-License-Identifier: Apache-2.0
#include "exporters/record_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace meshd::exporters {

bool RecordQueue::put(std::string record) {
    {
        const std::lock_guard lock(mutex_);
        if (records_.size() >= most_) return false;
        if (records_.empty()) first_since_ = Clock::now();
        records_.push_back(std::move(record));
        // The first starts the clock of who waits, the last of a batch ends it; those between need nobody's attention.
        if (records_.size() != 1 && records_.size() != wanted_) return true;
    }
    changed_.notify_one();
    return true;
}

Records RecordQueue::take(std::size_t most, std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    // A batch that the queue cannot hold would never come together.
    wanted_ = std::min(most, most_);
    changed_.wait(lock, [this] { return stopped_ || woken_ || !records_.empty(); });
    if (!std::exchange(woken_, false) && !stopped_)
        changed_.wait_until(lock, first_since_ + longest, [this] { return stopped_ || woken_ || records_.size() >= wanted_; });
    if (stopped_) return {};
    const bool is_due = records_.size() >= wanted_ || Clock::now() >= first_since_ + longest;
    woken_ = false;
    if (!is_due) return {};
    const auto end = records_.begin() + static_cast<std::ptrdiff_t>(std::min(records_.size(), most));
    Records taken(std::make_move_iterator(records_.begin()), std::make_move_iterator(end));
    records_.erase(records_.begin(), end);
    first_since_ = Clock::now();
    return taken;
}

void RecordQueue::give_back(Records records) {
    const std::lock_guard lock(mutex_);
    records_.insert(records_.begin(), std::make_move_iterator(records.begin()), std::make_move_iterator(records.end()));
}

Records RecordQueue::take_all() {
    const std::lock_guard lock(mutex_);
    Records all(std::make_move_iterator(records_.begin()), std::make_move_iterator(records_.end()));
    records_.clear();
    return all;
}

bool RecordQueue::pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [this] { return stopped_ || woken_; });
    woken_ = false;
    return !stopped_;
}

void RecordQueue::wake() {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    changed_.notify_one();
}

void RecordQueue::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
    }
    changed_.notify_one();
}

bool RecordQueue::stopped() const {
    const std::lock_guard lock(mutex_);
    return stopped_;
}

std::size_t RecordQueue::size() const {
    const std::lock_guard lock(mutex_);
    return records_.size();
}

}  // namespace meshd::exporters
