// SPDX-License-Identifier: Apache-2.0
// One thing that is probed, for all ports of services that it is a backend of with the same probe.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "health/attempt.hpp"
#include "health/schedule.hpp"
#include "health/verdict.hpp"
#include "model/service.hpp"

namespace meshd::health {

using ProbePtr = std::shared_ptr<const model::Probe>;

// What makes two targets the same.
struct TargetKey {
    const model::Probe* probe = nullptr;  // one for each different probe: see Targets
    base::SocketAddress endpoint;         // that is asked
    bool is_encrypted = false;            // it is reached as the traffic is

    auto operator<=>(const TargetKey&) const = default;
};

// A backend of a port of a service, which learns what the target's attempts decide.
struct Subscriber {
    std::string service;
    std::uint16_t port = 0;
    base::Protocol protocol = base::Protocol::tcp;
    base::SocketAddress backend;  // the probe may ask another of its ports

    auto operator<=>(const Subscriber&) const = default;
};

// The place of one running attempt among those that may run at one time.
class Turn {
public:
    Turn() = default;
    explicit Turn(std::size_t& running) : running_(&running) { ++running; }
    Turn(Turn&& other) noexcept : running_(std::exchange(other.running_, nullptr)) {}
    Turn& operator=(Turn&& other) noexcept {
        std::swap(running_, other.running_);
        return *this;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        if (running_ != nullptr) --*running_;
    }

private:
    std::size_t* running_ = nullptr;
};

struct Target {
    Target(std::uint64_t number, ProbePtr of, const TargetKey& key, std::uint64_t seed, Clock::time_point now)
        : id(number),
          probe(std::move(of)),
          endpoint(key.endpoint),
          is_encrypted(key.is_encrypted),
          verdict(probe->healthy, probe->unhealthy),
          schedule(now, *probe, seed) {}

    [[nodiscard]] bool is_command() const { return probe->type == model::ProbeType::exec; }

    std::uint64_t id;
    ProbePtr probe;
    base::SocketAddress endpoint;
    bool is_encrypted;
    std::vector<Subscriber> subscribers;

    Verdict verdict;
    Finding decided_by;  // the finding that made the verdict, or a later one of another kind
    std::chrono::system_clock::time_point since;
    Clock::time_point reason_told;

    Schedule schedule;
    std::unique_ptr<Attempt> attempt;
    Turn turn;                // while there is an attempt
    Clock::time_point begun;  // of the attempt
    bool is_waiting = false;  // for its turn
};

}  // namespace meshd::health
