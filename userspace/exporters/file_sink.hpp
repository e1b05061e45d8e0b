// SPDX-License-Identifier: Apache-2.0
// Events as lines of JSON, each the object that `meshctl flow watch -o json` shows.
#pragma once

#include <atomic>
#include <memory>

#include "exporters/exporter.hpp"
#include "exporters/line_output.hpp"

namespace meshd::exporters {

class FileSink : public Sink {
public:
    explicit FileSink(const model::FlowLog& settings);

    [[nodiscard]] std::string render(const boost::json::object& event) const override;
    void run(RecordQueue& queue, Outcome& outcome) override;
    void finish(Records records, Outcome& outcome) override;
    void reopen() override { reopens_ = true; }

private:
    bool is_open(Outcome& outcome);
    // What is written is no longer in `records`.
    void write(Records& records, Outcome& outcome);

    std::unique_ptr<LineOutput> output_;
    bool open_failed_ = false;
    std::atomic<bool> reopens_ = false;
};

}  // namespace meshd::exporters
