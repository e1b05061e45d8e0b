// SPDX-License-Identifier: Apache-2.0
// Probes the backends of services at their times, all on one loop, and tells what that decided.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "health/figures.hpp"
#include "health/targets.hpp"
#include "tls/trust.hpp"

namespace meshd::health {

struct ProberOptions {
    std::size_t most_running = 4096;  // attempts that wait for the network at one time; each has a descriptor
    std::size_t most_commands = 32;   // processes at one time
    std::uint64_t seed = 0;           // of the times at which targets are probed
    Dial dial{};                      // to backends of encrypted services
};

class Prober {
public:
    // Everything runs on the thread of the loop. `on_news`: take_news() has something, for the first time since it was called.
    Prober(boost::asio::io_context& context, std::function<void()> on_news, ProberOptions options = {});
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    void set(const model::Service& service);
    void remove(const std::string& service);
    void keep_only(const std::function<bool(const std::string&)>& keep);  // services, by name

    // What the next success of an attempt that begins from now on says of it is news, once, though it decides nothing.
    void watch(const Subscriber& subscriber) { watched_[subscriber] = Clock::now(); }

    // What was decided since the last call, each backend at most once, as it is now.
    std::vector<model::BackendHealth> take_news();

    [[nodiscard]] const Figures& figures() const { return figures_; }
    [[nodiscard]] std::size_t targets() const { return targets_.size(); }
    [[nodiscard]] std::size_t running() const { return running_[0] + running_[1]; }

private:
    // A target is due, or an attempt at it has had its time. Stale ones, of targets and attempts that are no more, are passed
    // over.
    struct Event {
        Clock::time_point at;
        std::uint64_t target = 0;
        bool is_deadline = false;
        bool operator>(const Event& other) const { return at > other.at; }
    };

    void add_event(Event event);
    void arm();
    void run_due();
    void run_event(const Event& event, Clock::time_point now);
    void begin(Target& target, Clock::time_point now);
    void begin_waiting(Clock::time_point now);
    void finish(Target& target, Finding finding);
    void weigh(Target& target, Finding finding, Clock::time_point now);
    void tell_watched(const Target& target);
    void tell(const Target& target, const Subscriber& subscriber);

    boost::asio::io_context& context_;
    std::function<void()> on_news_;
    ProberOptions options_;
    tls::TrustStore trust_;
    // Of the network and of commands: attempts that run, and targets whose turn has not come.
    std::size_t running_[2] = {0, 0};
    std::deque<std::uint64_t> waiting_[2];
    Targets targets_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    boost::asio::steady_timer timer_;
    Clock::time_point armed_for_ = Clock::time_point::max();
    std::set<std::pair<std::uint64_t, Subscriber>> news_;
    std::map<Subscriber, Clock::time_point> watched_;
    Figures figures_;
};

}  // namespace meshd::health
