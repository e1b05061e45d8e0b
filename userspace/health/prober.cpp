// SPDX-License-Identifier: Apache-2.0
#include "health/prober.hpp"

#include <utility>

namespace meshd::health {

using namespace std::chrono_literals;
using std::chrono::system_clock;

namespace {

constexpr auto tick = 2ms;                  // what is due within one is begun together: fewer wakes for many targets
constexpr std::size_t most_at_once = 256;   // events between two looks at the network
constexpr auto reason_interval = 10s;       // a backend that stays unhealthy tells another reason no more often
constexpr std::size_t spare_events = 1024;  // stale ones that are not worth a sweep

// Up to the next tick.
Clock::time_point rounded(Clock::time_point time) {
    const auto rest = time.time_since_epoch() % Clock::duration(tick);
    return rest == Clock::duration{} ? time : time + (Clock::duration(tick) - rest);
}

}  // namespace

Prober::Prober(boost::asio::io_context& context, std::function<void()> on_news, ProberOptions options)
    : context_(context), on_news_(std::move(on_news)), options_(options), targets_(options.seed), timer_(context) {}

void Prober::set(const model::Service& service) {
    const auto now = Clock::now();
    targets_.set(service, now, [&](Target& target, const Subscriber& subscriber) {
        if (target.verdict.healthy()) tell(target, subscriber);
        if (target.subscribers.size() == 1) add_event({target.schedule.due(), target.id, false});
    });
    arm();
}

void Prober::remove(const std::string& service) {
    targets_.remove(service);
    std::erase_if(watched_, [&](const auto& one) { return one.first.service == service; });
}

void Prober::keep_only(const std::function<bool(const std::string&)>& keep) {
    for (const auto& name : targets_.services_without(keep)) remove(name);
}

// ---- Times ----

void Prober::add_event(Event event) {
    // Each target has one start, and one deadline for each attempt of the last time-out; the rest is stale.
    if (events_.size() > 4 * targets_.size() + spare_events) {
        std::priority_queue<Event, std::vector<Event>, std::greater<>> live;
        for (; !events_.empty(); events_.pop())
            if (targets_.find(events_.top().target) != nullptr && (!events_.top().is_deadline || events_.top().at > Clock::now()))
                live.push(events_.top());
        events_ = std::move(live);
    }
    events_.push(event);
}

void Prober::arm() {
    if (events_.empty()) return;
    const auto at = rounded(events_.top().at);
    if (at >= armed_for_) return;
    armed_for_ = at;
    timer_.expires_at(at);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) run_due();
    });
}

void Prober::run_due() {
    armed_for_ = Clock::time_point::max();
    const auto now = Clock::now();
    for (std::size_t count = 0; count < most_at_once && !events_.empty() && events_.top().at <= now; ++count) {
        const auto event = events_.top();
        events_.pop();
        run_event(event, now);
    }
    begin_waiting(now);
    arm();
}

void Prober::run_event(const Event& event, Clock::time_point now) {
    auto* const target = targets_.find(event.target);
    if (target == nullptr) return;
    if (event.is_deadline) {
        if (target->attempt && target->begun + std::chrono::milliseconds(target->probe->timeout_ms) <= now)
            finish(*target, target->attempt->timed_out());
        return;
    }
    if (event.at != target->schedule.due() || target->attempt || target->is_waiting) return;
    const std::size_t kind = target->is_command() ? 1 : 0;
    if (waiting_[kind].empty() && running_[kind] < (kind == 1 ? options_.most_commands : options_.most_running)) {
        begin(*target, now);
    } else {
        target->is_waiting = true;
        waiting_[kind].push_back(target->id);
    }
}

// In the order in which they were due.
void Prober::begin_waiting(Clock::time_point now) {
    for (const std::size_t kind : {0U, 1U}) {
        const auto most = kind == 1 ? options_.most_commands : options_.most_running;
        while (!waiting_[kind].empty() && running_[kind] < most) {
            auto* const target = targets_.find(waiting_[kind].front());
            waiting_[kind].pop_front();
            if (target != nullptr) begin(*target, now);
        }
    }
}

// ---- Attempts ----

void Prober::begin(Target& target, Clock::time_point now) {
    target.is_waiting = false;
    target.begun = now;
    figures_.lateness.add(now - target.schedule.due());
    target.turn = Turn(running_[target.is_command() ? 1 : 0]);
    add_event({now + std::chrono::milliseconds(target.probe->timeout_ms), target.id, true});
    target.attempt = begin_attempt(context_, trust_, *target.probe, target.endpoint,
                                   target.is_encrypted ? &options_.dial : nullptr, [this, id = target.id](Finding finding) {
                                       auto* const found = targets_.find(id);
                                       if (found == nullptr) return;
                                       finish(*found, std::move(finding));
                                       begin_waiting(Clock::now());
                                       arm();
                                   });
}

void Prober::finish(Target& target, Finding finding) {
    const auto now = Clock::now();
    target.attempt.reset();
    target.turn = Turn();
    ++figures_.results[static_cast<std::size_t>(finding.result)];
    figures_.duration.add(now - target.begun);
    weigh(target, std::move(finding), now);
    target.schedule.advance(now);
    add_event({target.schedule.due(), target.id, false});
}

// What this node could not try says nothing of the backend.
void Prober::weigh(Target& target, Finding finding, Clock::time_point now) {
    if (finding.result == model::ProbeResult::local) return;
    const bool success = finding.is_success();
    const bool is_decided = target.verdict.add(success);
    const bool is_other_reason = !is_decided && !success && target.verdict.healthy() == false &&
                                 finding.result != target.decided_by.result && now - target.reason_told >= reason_interval;
    if (success) tell_watched(target);
    if (!is_decided && !is_other_reason) return;
    if (is_decided) target.since = std::chrono::floor<std::chrono::milliseconds>(system_clock::now());
    target.decided_by = std::move(finding);
    target.reason_told = now;
    for (const auto& subscriber : target.subscribers) tell(target, subscriber);
}

// ---- News ----

void Prober::tell_watched(const Target& target) {
    if (watched_.empty() || target.verdict.healthy() != true) return;
    for (const auto& subscriber : target.subscribers) {
        const auto found = watched_.find(subscriber);
        if (found == watched_.end() || target.begun < found->second) continue;
        watched_.erase(found);
        tell(target, subscriber);
    }
}

void Prober::tell(const Target& target, const Subscriber& subscriber) {
    const bool is_first = news_.empty();
    news_.emplace(target.id, subscriber);
    if (is_first) on_news_();
}

std::vector<model::BackendHealth> Prober::take_news() {
    std::vector<model::BackendHealth> all;
    for (const auto& [id, subscriber] : std::exchange(news_, {})) {
        const auto* const target = targets_.find(id);
        if (target == nullptr ||
            std::find(target->subscribers.begin(), target->subscribers.end(), subscriber) == target->subscribers.end())
            continue;
        all.push_back({subscriber.service, subscriber.port, subscriber.protocol, subscriber.backend, *target->verdict.healthy(),
                       target->decided_by.result, target->decided_by.detail, target->since});
    }
    return all;
}

}  // namespace meshd::health
