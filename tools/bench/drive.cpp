// SPDX-License-Identifier: Apache-2.0
#include "drive.hpp"

#include <algorithm>
#include <memory>

#include "epoll.hpp"
#include "flow.hpp"

namespace meshd::bench {

namespace {

constexpr std::size_t max_errors = 10;
constexpr std::size_t churn_message = 64;

// Sizes differ from message to message, so that no boundary falls on the same place twice.
std::size_t message_size(std::uint64_t number) { return 1 + number * 131 % 1500; }

class Driver {
public:
    Driver(const Load& load, const Orders& orders) : load_(load), orders_(orders), target_(to_raw(load.target)) {}

    Outcome run(void (*ready)()) {
        for (int i = 0; i < load_.connections; ++i) {
            flows_.push_back(open());
            // A backlog has room for so many at once.
            if (i % 200 == 199) step(1);
        }
        churning_.resize(static_cast<std::size_t>(load_.churn));
        bool said_ready = false;
        while (!orders_.stop) {
            step(20);
            if (!said_ready && connecting() == 0) {
                said_ready = true;
                ready();
            }
        }
        settle();
        return summary();
    }

private:
    std::unique_ptr<Flow> open() {
        auto flow = std::make_unique<Flow>(target_, ++seed_);
        if (flow->state() == Flow::State::connecting) epoll_.add(flow->fd(), EPOLLOUT, flow.get());
        return flow;
    }

    [[nodiscard]] std::ptrdiff_t connecting() const {
        return std::count_if(flows_.begin(), flows_.end(),
                             [](const auto& flow) { return flow->state() == Flow::State::connecting; });
    }

    void dispatch(int timeout_ms) {
        for (const auto& event : epoll_.wait(timeout_ms)) {
            auto& flow = *static_cast<Flow*>(event.data.ptr);
            const bool was_connecting = flow.state() == Flow::State::connecting;
            flow.on_ready();
            if (flow.state() == Flow::State::failed || flow.state() == Flow::State::broken)
                flow.close();
            else if (was_connecting)
                epoll_.change(flow.fd(), EPOLLIN, &flow);
        }
    }

    void step(int timeout_ms) {
        dispatch(timeout_ms);
        const auto now = Flow::Clock::now();
        for (auto& flow : flows_) {
            flow->expire(load_.give_up);
            if (flow->state() == Flow::State::idle && now - flow->since() >= load_.interval)
                flow->send(message_size(++messages_));
        }
        for (auto& flow : churning_) churn(flow);
    }

    // One short connection: a message there and back, then the next one.
    void churn(std::unique_ptr<Flow>& flow) {
        if (!flow) {
            if (!orders_.no_more_connects && !orders_.stop) flow = open();
            return;
        }
        flow->expire(load_.give_up);
        if (flow->state() == Flow::State::failed || flow->state() == Flow::State::broken) {
            ++outcome_.churn_failed;
            note(*flow);
            flow.reset();
        } else if (flow->state() == Flow::State::idle && flow->bytes_checked() == 0) {
            flow->send(churn_message);
        } else if (flow->state() == Flow::State::idle) {
            ++outcome_.churned;
            flow.reset();
        }
    }

    // Waits for the messages that are out, so that what was sent last is checked too.
    void settle() {
        const auto deadline = Flow::Clock::now() + load_.give_up;
        const auto waits = [](const auto& flow) { return flow && flow->state() == Flow::State::waiting; };
        while (Flow::Clock::now() < deadline &&
               (std::any_of(flows_.begin(), flows_.end(), waits) ||
                std::any_of(churning_.begin(), churning_.end(), [](const auto& flow) { return flow != nullptr; }))) {
            dispatch(20);
            for (auto& flow : churning_) churn(flow);
        }
        for (auto& flow : flows_) flow->expire(std::chrono::seconds(0));
    }

    void note(const Flow& flow) {
        if (outcome_.errors.size() < max_errors) outcome_.errors.push_back(flow.error());
    }

    Outcome summary() {
        outcome_.least_bytes = flows_.empty() ? 0 : flows_.front()->bytes_checked();
        for (const auto& flow : flows_) {
            outcome_.bytes_checked += flow->bytes_checked();
            outcome_.least_bytes = std::min(outcome_.least_bytes, flow->bytes_checked());
            outcome_.established += flow->state() != Flow::State::failed;
            outcome_.failed += flow->state() == Flow::State::failed;
            outcome_.broken += flow->state() == Flow::State::broken;
            outcome_.idle_at_the_end += flow->state() == Flow::State::idle;
            if (!flow->error().empty()) note(*flow);
        }
        return std::move(outcome_);
    }

    const Load& load_;
    const Orders& orders_;
    RawAddress target_;
    Epoll epoll_;
    std::vector<std::unique_ptr<Flow>> flows_;
    std::vector<std::unique_ptr<Flow>> churning_;
    std::uint64_t seed_ = 0;
    std::uint64_t messages_ = 0;
    Outcome outcome_;
};

}  // namespace

Outcome drive(const Load& load, const Orders& orders, void (*ready)()) { return Driver(load, orders).run(ready); }

}  // namespace meshd::bench
