// SPDX-License-Identifier: Apache-2.0
#include "announce/book.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace meshd::announce {

namespace {

// Hosts that began together do not stay in step, and two signs of life may be lost.
std::chrono::milliseconds renewal(std::chrono::milliseconds ttl, double chance) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(ttl.count()) / 3 * (0.8 + 0.2 * chance)));
}

}  // namespace

void Book::want(const std::string& id, Wanted wanted, bool may_be_known, Clock::time_point now) {
    const auto [at, is_new] = entries_.try_emplace(id);
    auto& entry = at->second;
    if (is_new) entry.may_be_known = may_be_known;
    if (!is_new && !entry.leaves && entry.wanted == wanted) return;
    entry.leaves = false;
    entry.wanted = std::move(wanted);
    entry.retry_at = now;
    entry.backoff.reset();
}

// False: nobody has to be told.
bool Book::leave(Entry& entry) {
    entry.leaves = true;
    entry.retry_at = {};
    entry.error.clear();
    return entry.told || entry.may_be_known;
}

void Book::drop(const std::string& id) {
    const auto at = entries_.find(id);
    if (at != entries_.end() && !leave(at->second)) entries_.erase(at);
}

void Book::drop_all() {
    for (auto at = entries_.begin(); at != entries_.end();) at = leave(at->second) ? std::next(at) : entries_.erase(at);
}

std::optional<Book::Clock::time_point> Book::due(const Entry& entry) {
    if (entry.leaves) return entry.retry_at;
    if (entry.told != entry.wanted) {
        const bool says_nothing_new = !entry.wanted.is_well && !entry.told && !entry.may_be_known;
        return says_nothing_new ? std::nullopt : std::optional(entry.retry_at);
    }
    // What is not well needs no sign of life.
    if (!entry.wanted.is_well) return std::nullopt;
    return std::max(std::min(entry.renew_at, entry.look_at), entry.retry_at);
}

Task Book::task(const Entry& entry) {
    if (entry.leaves) return Task::withdraw;
    return entry.told != entry.wanted || entry.look_at <= entry.renew_at ? Task::announce : Task::renew;
}

std::optional<Step> Book::next(Clock::time_point now) {
    // What others must not connect to comes first, then what they may, then signs of life.
    const auto rank = [](const Entry& entry) {
        const auto what = task(entry);
        if (what == Task::withdraw || !entry.wanted.takes_connections()) return 0;
        return what == Task::announce ? 1 : 2;
    };
    Entries::value_type* best = nullptr;
    for (auto& one : entries_) {
        const auto at = due(one.second);
        if (!at || *at > now) continue;
        if (best == nullptr || std::pair(rank(one.second), *at) < std::pair(rank(best->second), due(best->second).value_or(now)))
            best = &one;
    }
    if (best == nullptr) return std::nullopt;
    Step step{task(best->second), best->first, best->second.wanted};
    // Who drops it while this is under way has it withdrawn.
    if (step.task == Task::announce) best->second.may_be_known = true;
    return step;
}

std::optional<Book::Clock::time_point> Book::due() const {
    std::optional<Clock::time_point> first;
    for (const auto& [id, entry] : entries_)
        if (const auto at = due(entry); at && (!first || *at < *first)) first = at;
    return first;
}

void Book::done(const Step& step, Clock::time_point now, double chance) {
    const auto at = entries_.find(step.id);
    if (at == entries_.end()) return;
    auto& entry = at->second;
    entry.backoff.reset();
    entry.error.clear();
    if (step.task == Task::withdraw) {
        entry.told.reset();
        entry.may_be_known = false;
        if (entry.leaves) entries_.erase(at);
        return;
    }
    entry.told = step.wanted;
    entry.may_be_known = false;
    entry.renew_at = now + renewal(step.wanted.what.ttl, chance);
    if (step.task == Task::announce) entry.look_at = now + look_again;
}

void Book::forgotten(const Step& step) {
    const auto at = entries_.find(step.id);
    if (at == entries_.end()) return;
    at->second.told.reset();
    at->second.may_be_known = false;
    if (at->second.leaves) entries_.erase(at);
}

void Book::refused(const Step& step, std::string error, Clock::time_point now, double chance) {
    const auto at = entries_.find(step.id);
    if (at == entries_.end()) return;
    at->second.error = std::move(error);
    at->second.retry_at = now + at->second.backoff.next(chance);
    // A part of it may have been done.
    if (step.task != Task::renew) unanswered(step);
}

void Book::unanswered(const Step& step) {
    const auto at = entries_.find(step.id);
    if (at == entries_.end() || step.task == Task::renew) return;
    at->second.told.reset();
    at->second.may_be_known = true;
}

bool Book::is_announced(const std::string& id) const {
    const auto at = entries_.find(id);
    return at != entries_.end() && at->second.told && at->second.told->is_well;
}

std::string Book::error(const std::string& id) const {
    const auto at = entries_.find(id);
    return at == entries_.end() ? std::string{} : at->second.error;
}

}  // namespace meshd::announce
