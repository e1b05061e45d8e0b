// SPDX-License-Identifier: Apache-2.0
#include "acceleration/decision.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace meshd::acceleration {

using config::AccelerationMode;

namespace {

constexpr std::array<std::string_view, 11> interfaces{"fionread",      "splice_out",     "wait_for_all", "waiting_signal",
                                                      "waiting_reset", "waiting_writer", "zero_copy",    "peek",
                                                      "peer_gone",     "reset",          "leaving"};
constexpr std::string_view fionread_remedy = "FIONREAD is right in Linux 6.12.115 and later ones of 6.12, and from 7.2 on";
constexpr std::string_view accounting_remedy =
    "waiting bytes are charged in Debian's 6.1.123 and later ones of 6.1, and from Linux 6.12.8 on";

const Check* failed(const Verdict& verdict, std::string_view name) {
    const auto found = std::find_if(verdict.checks.begin(), verdict.checks.end(),
                                    [name](const Check& check) { return check.name == name && !check.passed; });
    return found == verdict.checks.end() ? nullptr : &*found;
}

const Check* failed_essential(const Verdict& verdict) {
    const auto found = std::find_if(verdict.checks.begin(), verdict.checks.end(),
                                    [](const Check& check) { return !check.passed && weight(check.name) == Weight::essential; });
    return found == verdict.checks.end() ? nullptr : &*found;
}

std::string differing_calls(const Verdict& verdict) {
    std::string names;
    for (const auto& check : verdict.checks)
        if (!check.passed && weight(check.name) == Weight::interface && check.name != "fionread")
            names += (names.empty() ? "" : ", ") + check.name;
    return names;
}

void set(Verdict& verdict, AccelerationMode best, std::string reason, std::string_view remedy = {}) {
    verdict.best = best;
    verdict.reason = std::move(reason);
    verdict.remedy = remedy;
}

}  // namespace

Weight weight(std::string_view check) {
    return std::count(interfaces.begin(), interfaces.end(), check) != 0 ? Weight::interface : Weight::essential;
}

void decide(Verdict& verdict) {
    const auto fionread_helps = verdict.fionread == Fionread::both ? std::string_view{} : fionread_remedy;
    if (verdict.checks.empty()) return set(verdict, AccelerationMode::off, "nothing was checked");
    if (verdict.accounting == Accounting::none)
        return set(verdict, AccelerationMode::off,
                   "how much waits for a reader cannot be known on this kernel, so a slow reader would not stop its sender",
                   accounting_remedy);
    if (const auto* const check = failed_essential(verdict))
        return set(verdict, AccelerationMode::off,
                   fmt::format("the check '{}' failed, expected {}, seen: {}", check->name, check->expected, check->seen));
    if (verdict.fionread == Fionread::tcp || verdict.fionread == Fionread::none)
        return set(verdict, AccelerationMode::named,
                   "FIONREAD is wrong for bytes of the short way on this kernel, so only services whose programs are said not to "
                   "trust it take it",
                   fionread_helps);
    if (verdict.fionread == Fionread::redirected && failed(verdict, "leaving") != nullptr)
        return set(
            verdict, AccelerationMode::named,
            "FIONREAD is wrong on this kernel for bytes that take TCP, and a connection cannot leave the short way, so only "
            "services that are named take it",
            fionread_helps);
    if (const auto calls = differing_calls(verdict); !calls.empty())
        return set(verdict, AccelerationMode::named,
                   "not every system call does as with TCP on this kernel (" + calls +
                       "), so only services that are named take the short way",
                   fionread_helps);
    set(verdict, AccelerationMode::on,
        verdict.fionread == Fionread::both ? "every check of the self-test passed"
                                           : "every check of the self-test passed but FIONREAD for bytes that take TCP, so a "
                                             "connection whose reader falls behind "
                                             "leaves for good",
        fionread_helps);
}

}  // namespace meshd::acceleration
