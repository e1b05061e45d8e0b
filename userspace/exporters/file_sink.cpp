// SPDX-License-Identifier: Apache-2.0
#include "exporters/file_sink.hpp"

#include <utility>

#include <boost/json.hpp>

namespace meshd::exporters {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_at_once = 1000;  // lines
constexpr auto retry = 1s;

std::unique_ptr<LineOutput> output_of(const model::FlowLog& settings) {
    if (settings.file == model::to_stdout) return std::make_unique<StandardOutput>();
    return std::make_unique<RotatingFile>(settings.file, settings.rotate_size, settings.rotate_keep);
}

}  // namespace

FileSink::FileSink(const model::FlowLog& settings) : output_(output_of(settings)) {}

std::string FileSink::render(const boost::json::object& event) const { return boost::json::serialize(event) + "\n"; }

bool FileSink::is_open(Outcome& outcome) {
    if (reopens_.exchange(false)) output_->close();
    if (auto opened = output_->open(); !opened) {
        outcome.failed(opened.error());
        open_failed_ = true;
        return false;
    }
    if (std::exchange(open_failed_, false)) outcome.went_well();
    return true;
}

void FileSink::write(Records& records, Outcome& outcome) {
    if (!is_open(outcome)) return;
    std::size_t written = 0;
    const auto done = output_->write(records, written);
    outcome.counts().passed_on += written;
    records.erase(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(written));
    if (done)
        outcome.went_well();
    else
        outcome.failed(done.error());
}

void FileSink::run(RecordQueue& queue, Outcome& outcome) {
    Records records;
    while (!queue.stopped()) {
        // Opened without a record, too, so that a wrong path is told before it costs one.
        if (!is_open(outcome)) {
            queue.pause(retry);
            continue;
        }
        if (records.empty()) records = queue.take(most_at_once, 0ms);
        if (records.empty()) continue;
        write(records, outcome);
        if (records.empty()) continue;
        ++outcome.counts().retries;
        queue.pause(retry);
    }
    queue.give_back(std::move(records));
}

void FileSink::finish(Records records, Outcome& outcome) { write(records, outcome); }

}  // namespace meshd::exporters
