// SPDX-License-Identifier: Apache-2.0
// What has happened to backends, the last of it, numbered for watchers who come back for more. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/numbered_log.hpp"
#include "health/standing.hpp"

namespace meshd::health {

enum class EventKind : std::uint8_t { backend_state, panic };
inline constexpr std::array<std::string_view, 2> event_kinds{"backend_state", "panic"};

struct Event {
    std::uint64_t number = 0;  // given by the log
    Clock::time_point at;
    EventKind kind = EventKind::backend_state;
    std::string service;
    std::string port;     // "80/tcp"
    std::string backend;  // "10.0.0.1:8080"; empty when it is about all of a port
    std::string from, to;
    std::string cause;
    std::optional<Clock::time_point> until;
};

Event to_event(const Change& change, Clock::time_point now);
Event to_event(const PanicChange& change, Clock::time_point now);
boost::json::object to_json(const Event& event);
std::string to_line(const Event& event);  // for the log: "web:80/tcp 10.0.0.1:8080 is ejected, was ready: …"

class EventLog {
public:
    using Log = base::NumberedLog<Event, 4096, 512>;
    using Part = Log::Part;
    static constexpr auto most = Log::most;
    static constexpr auto batch = Log::batch;

    void put(Event event);
    [[nodiscard]] Part since(std::uint64_t cursor) const { return log_.since(cursor); }
    // The last `count` of this service, or of all when it is empty; oldest first.
    [[nodiscard]] std::vector<Event> last(std::size_t count, std::string_view service) const;
    [[nodiscard]] std::uint64_t next() const { return log_.next(); }
    [[nodiscard]] const std::array<std::uint64_t, event_kinds.size()>& totals() const { return totals_; }

private:
    Log log_;
    std::array<std::uint64_t, event_kinds.size()> totals_{};
};

// Lines of a log that something which flaps may write: some at once, then few.
class LineBudget {
public:
    static constexpr unsigned at_once = 30;
    static constexpr std::chrono::seconds each{2};  // one more

    // Whether a line may be written; then `untold` is how many could not be since the last one.
    bool take(Clock::time_point now, std::uint64_t& untold);

private:
    Clock::time_point due_;  // when the next is due at the steady rate
    std::uint64_t untold_ = 0;
};

}  // namespace meshd::health
