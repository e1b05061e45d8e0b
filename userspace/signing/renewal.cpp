// SPDX-License-Identifier: Apache-2.0
#include "signing/renewal.hpp"

#include <utility>

namespace meshd::signing {

void Renewal::has(Time begins, Time ends, double chance) {
    constexpr double half = 0.5, spread = 0.1;
    begins_ = begins;
    ends_ = ends;
    const std::chrono::duration<double> whole = ends - begins;
    next_ = begins + std::chrono::duration_cast<Time::duration>(whole * (half + spread * chance));
    problem_.clear();
    backoff_.reset();
}

void Renewal::failed(Time now, std::string problem, double chance) {
    problem_ = std::move(problem);
    next_ = now + backoff_.next(chance);
}

}  // namespace meshd::signing
