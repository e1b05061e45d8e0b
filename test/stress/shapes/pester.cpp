// SPDX-License-Identifier: Apache-2.0
#include "pester.hpp"

#include <chrono>
#include <csignal>

#include "bench/sockets.hpp"

namespace meshd::shapes {

Pester::Pester() {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // no SA_RESTART
    if (::sigaction(SIGUSR1, &action, nullptr) != 0) bench::throw_errno("sigaction");
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Pester::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        const std::scoped_lock lock(mutex_);
        for (const auto thread : threads_) ::pthread_kill(thread, SIGUSR1);
    }
}

Pester::Guard::Guard(Pester& pester, bool wanted) : pester_(pester), wanted_(wanted) {
    if (!wanted_) return;
    const std::scoped_lock lock(pester_.mutex_);
    place_ = pester_.threads_.insert(pester_.threads_.end(), ::pthread_self());
}

Pester::Guard::~Guard() {
    if (!wanted_) return;
    const std::scoped_lock lock(pester_.mutex_);
    pester_.threads_.erase(place_);
}

}  // namespace meshd::shapes
