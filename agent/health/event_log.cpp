// SPDX-License-Identifier: Apache-2.0
#include "health/event_log.hpp"

#include <algorithm>

#include <boost/json.hpp>

#include "base/time_text.hpp"

namespace meshd::health {

namespace json = boost::json;

namespace {

Event about(const reconcile::PortKey& port, Clock::time_point now, EventKind kind) {
    Event event;
    event.at = now;
    event.kind = kind;
    event.service = port.service;
    event.port = std::to_string(port.port) + "/" + std::string(base::name(port.protocol));
    return event;
}

}  // namespace

Event to_event(const Change& change, Clock::time_point now) {
    auto event = about(change.backend.port, now, EventKind::backend_state);
    event.backend = change.backend.endpoint.text();
    event.from = name(change.from);
    event.to = name(change.now.state);
    event.cause = change.now.reason;
    event.until = change.now.until;
    if (!event.cause.empty()) return event;
    // It is ready, and what was wrong before is over.
    event.cause = change.from == State::ejected                  ? "the ejection is over"
                  : change.from != State::unhealthy              ? "nothing stands against it any more"
                  : change.before == registry_calls_it_unhealthy ? "its registry calls it healthy"
                                                                 : "its probes succeed";
    return event;
}

Event to_event(const PanicChange& change, Clock::time_point now) {
    auto event = about(change.port, now, EventKind::panic);
    event.from = change.panic ? "off" : "on";
    event.to = change.panic ? "on" : "off";
    event.cause = std::to_string(change.usable) + " of " + std::to_string(change.counted) + " backends are usable";
    if (change.panic) event.cause += ": all that neither drain nor are in maintenance are used";
    return event;
}

json::object to_json(const Event& event) {
    json::object object{{"number", event.number},
                        {"at", base::time_text(event.at)},
                        {"event", event_kinds.at(static_cast<std::size_t>(event.kind))},
                        {"service", event.service},
                        {"port", event.port},
                        {"backend", event.backend},
                        {"from", event.from},
                        {"to", event.to},
                        {"cause", event.cause},
                        {"until", nullptr}};
    if (event.until) object["until"] = base::time_text(*event.until);
    return object;
}

std::string to_line(const Event& event) {
    auto line = event.service + ":" + event.port;
    if (event.kind == EventKind::panic) return line + ": panic is " + event.to + ", " + event.cause;
    line += " " + event.backend + " is " + event.to + ", was " + event.from + ": " + event.cause;
    if (event.until) line += "; until " + base::time_text(*event.until);
    return line;
}

void EventLog::put(Event event) {
    ++totals_.at(static_cast<std::size_t>(event.kind));
    event.number = next();
    log_.put(std::move(event));
}

std::vector<Event> EventLog::last(std::size_t count, std::string_view service) const {
    std::vector<Event> found;
    const auto& all = log_.events();
    for (auto event = all.rbegin(); event != all.rend() && found.size() < count; ++event)
        if (service.empty() || event->service == service) found.push_back(*event);
    std::reverse(found.begin(), found.end());
    return found;
}

// As the token bucket of limits: kept as the time at which the next line is due at the steady rate.
bool LineBudget::take(Clock::time_point now, std::uint64_t& untold) {
    const auto due = std::max(due_, now);
    if (due + each > now + each * at_once) {
        ++untold_;
        return false;
    }
    due_ = due + each;
    untold = std::exchange(untold_, 0);
    return true;
}

}  // namespace meshd::health
