// SPDX-License-Identifier: Apache-2.0
// What one registry is to know of this host's services, what it has been told, and what is to be done about the difference. Pure
// but for the times that it is given: it does no I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "model/announcement.hpp"
#include "registry/backoff.hpp"

namespace meshd::announce {

// What others are to find.
struct Wanted {
    model::Announcement what;
    std::string locality;  // of this node; empty: not known
    bool is_well = true;   // else nobody is to connect to it
    bool is_drained = false;
    std::string why;  // that it is well or not, for people

    [[nodiscard]] bool takes_connections() const { return is_well && !is_drained; }
    bool operator==(const Wanted&) const = default;
};

enum class Task : std::uint8_t {
    announce,  // the registry is to know exactly this
    renew,     // a sign of life
    withdraw,  // it is to know nothing of it
};

struct Step {
    Task task = Task::announce;
    std::string id;
    Wanted wanted;
};

class Book {
public:
    using Clock = std::chrono::steady_clock;

    static constexpr std::chrono::milliseconds look_again{30'000};  // then all of it is said again, whatever became of it

    // Said again without a change it costs a comparison. `may_be_known`: an earlier worker has told the registry of it.
    void want(const std::string& id, Wanted wanted, bool may_be_known, Clock::time_point now);
    void drop(const std::string& id);
    void drop_all();

    // What is to be done now, the most urgent first; nothing: nothing is due. One of these ends each of them.
    std::optional<Step> next(Clock::time_point now);
    void done(const Step& step, Clock::time_point now, double chance);
    void forgotten(const Step& step);                                                         // the registry knows nothing of it
    void refused(const Step& step, std::string error, Clock::time_point now, double chance);  // it takes others, perhaps
    void unanswered(const Step& step);                                                        // nobody knows what became of it

    // When next() has something; nothing: not before something else happens.
    [[nodiscard]] std::optional<Clock::time_point> due() const;
    [[nodiscard]] bool empty() const { return entries_.empty(); }

    // Of one that is wanted: whether the registry leads others to it or tells them that it drains, and why it refuses it.
    [[nodiscard]] bool is_announced(const std::string& id) const;
    [[nodiscard]] std::string error(const std::string& id) const;

private:
    struct Entry {
        Wanted wanted;
        bool leaves = false;
        std::optional<Wanted> told;
        bool may_be_known = false;  // though it is not known what it was told
        Clock::time_point renew_at, look_at, retry_at;
        registry::Backoff backoff;
        std::string error;
    };
    using Entries = std::map<std::string, Entry>;

    [[nodiscard]] static std::optional<Clock::time_point> due(const Entry& entry);
    [[nodiscard]] static Task task(const Entry& entry);
    [[nodiscard]] static bool leave(Entry& entry);

    Entries entries_;
};

}  // namespace meshd::announce
