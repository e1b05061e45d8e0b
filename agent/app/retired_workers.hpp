// SPDX-License-Identifier: Apache-2.0
// Workers whose place others have taken: they go on with the connections that they carry, until the last of them has ended or
// their time is over.
#pragma once

#include <chrono>
#include <list>
#include <utility>
#include <vector>

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/worker_child.hpp"

namespace meshd::app {

class RetiredWorkers {
public:
    struct One {
        pid_t pid = 0;
        std::chrono::system_clock::time_point since, until;
    };

    explicit RetiredWorkers(boost::asio::io_context& io) : io_(io) {}

    // It ends by itself after that time; a little later it is killed.
    void add(WorkerChild child, std::chrono::seconds longest);
    [[nodiscard]] std::vector<One> all() const;
    // They go on without this process, which must end soon.
    void leave();

private:
    struct Entry {
        Entry(boost::asio::io_context& io, WorkerChild process, const One& as)
            : child(std::move(process)), shown(as), exit(io), deadline(io) {}
        WorkerChild child;
        One shown;
        boost::asio::posix::stream_descriptor exit;  // a pidfd of its own: the child has the other
        boost::asio::steady_timer deadline;
    };
    void wait(std::list<Entry>::iterator entry);

    boost::asio::io_context& io_;
    std::list<Entry> entries_;
};

}  // namespace meshd::app
