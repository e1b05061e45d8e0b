// SPDX-License-Identifier: Apache-2.0
// Sends SIGUSR1 to threads that asked for it, again and again, so that their calls end early (EINTR, or with a part done).
#pragma once

#include <list>
#include <mutex>
#include <thread>

#include <pthread.h>

namespace meshd::shapes {

class Pester {
public:
    Pester();

    // The thread that makes it is interrupted while it stands, if wanted.
    class Guard {
    public:
        Guard(Pester& pester, bool wanted);
        ~Guard();
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

    private:
        Pester& pester_;
        const bool wanted_;
        std::list<pthread_t>::iterator place_;
    };

private:
    void run(const std::stop_token& stop);

    std::mutex mutex_;
    std::list<pthread_t> threads_;
    std::jthread thread_;  // last: it uses the others
};

}  // namespace meshd::shapes
