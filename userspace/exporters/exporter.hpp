// SPDX-License-Identifier: Apache-2.0
// One way out for events of flows: chooses, renders and queues them on the loop; a thread of its own passes them on, so that a
// slow disk or collector holds up nobody.
#pragma once

#include <memory>
#include <thread>

#include <boost/json/object.hpp>

#include "channel/messages.hpp"
#include "exporters/outcome.hpp"
#include "exporters/record_queue.hpp"
#include "model/flow_export.hpp"

namespace meshd::exporters {

class Sink {
public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;

    // On the loop.
    [[nodiscard]] virtual std::string render(const boost::json::object& event) const = 0;
    // On the thread. Returns when the queue has been stopped; what was not passed on is given back to it.
    virtual void run(RecordQueue& queue, Outcome& outcome) = 0;
    // After run(), on its thread: a last attempt that takes no longer than a second.
    virtual void finish(Records records, Outcome& outcome) = 0;
    // From the loop, after the queue was stopped: run() shall return at once.
    virtual void interrupt() {}
    // From the loop; the queue is woken after it.
    virtual void reopen() {}
};

class Exporter {
public:
    Exporter(const model::FlowChoice& choice, std::size_t queue, std::unique_ptr<Sink> sink, std::shared_ptr<Counts> counts,
             std::function<void()> on_change);
    Exporter(const Exporter&) = delete;
    Exporter& operator=(const Exporter&) = delete;
    ~Exporter();  // as halt()

    void put(const channel::FlowEvents& flows);
    void put(Records rendered);  // what an exporter before it has left
    void reopen();

    // The thread ends at once. What it has not passed on.
    Records halt();
    // The thread ends after a last attempt.
    void finish();

    [[nodiscard]] std::optional<Problem> problem() const { return outcome_.problem(); }
    [[nodiscard]] std::size_t waiting() const { return queue_.size(); }

private:
    void run();

    model::FlowChoice choice_;
    std::unique_ptr<Sink> sink_;
    std::shared_ptr<Counts> counts_;
    RecordQueue queue_;
    Outcome outcome_;
    std::atomic<bool> finishes_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace meshd::exporters
