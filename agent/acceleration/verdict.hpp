// SPDX-License-Identifier: Apache-2.0
// What the self-test of the short way found out about the running kernel.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "config/acceleration.hpp"

namespace meshd::acceleration {

struct Check {
    std::string name;
    bool passed = false;
    std::string expected;
    std::string seen;

    bool operator==(const Check&) const = default;
};

// For which bytes FIONREAD (SIOCINQ) is right on a socket that is on the short way.
enum class Fionread : std::uint8_t {
    both,
    redirected,  // only for those that came by the short way
    tcp,         // only for those that came by TCP
    none,
};

// How bytes that wait for a reader are known.
enum class Accounting : std::uint8_t {
    charged,  // the kernel charges them to the reader's receive memory
    counted,  // a program counts what the reader takes
    none,
};

struct Verdict {
    config::AccelerationMode best = config::AccelerationMode::off;  // on, named or off
    Fionread fionread = Fionread::none;
    Accounting accounting = Accounting::none;
    std::uint16_t idle_refs = 0;  // see md_acceleration; 0: not found out
    std::string kernel;           // release, as uname() has it
    std::chrono::system_clock::time_point at{};
    std::chrono::milliseconds duration{};
    std::vector<Check> checks;  // in the order they ran
    std::string reason;         // why `best`, one sentence
    std::string remedy;         // which kernels do better; empty when there is nothing to better
    bool out_of_time = false;   // checks were cut short: not worth keeping, the machine may have been busy. Not in the JSON form

    bool operator==(const Verdict&) const = default;
};

std::string_view name(Fionread fionread);
std::string_view name(Accounting accounting);

// {"mode", "reason", "remedy", "kernel", "fionread", "accounting", "idle_refs",
//  "selftest": {"at", "duration_ms", "checks": [{"name", "passed", "expected", "seen"}]}}; `at` is RFC 3339 in UTC, whole
//  seconds.
boost::json::object to_json(const Verdict& verdict);
boost::json::object selftest_to_json(const Verdict& verdict);  // the member "selftest"
base::Result<Verdict> verdict_from_json(const boost::json::value& value);

}  // namespace meshd::acceleration
