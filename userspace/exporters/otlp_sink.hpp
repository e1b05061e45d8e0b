// SPDX-License-Identifier: Apache-2.0
// Events as log records to a collector, by OTLP/HTTP with the JSON encoding.
#pragma once

#include <random>
#include <span>

#include "exporters/backoff.hpp"
#include "exporters/exporter.hpp"
#include "web/client.hpp"

namespace meshd::exporters {

class OtlpSink : public Sink {
public:
    explicit OtlpSink(model::OtlpExport settings);

    [[nodiscard]] std::string render(const boost::json::object& event) const override;
    void run(RecordQueue& queue, Outcome& outcome) override;
    void finish(Records records, Outcome& outcome) override;
    void interrupt() override { client_.abort(); }

private:
    // Nothing: done with them, whether they were taken or refused. Else how long to wait before they are sent again.
    std::optional<std::chrono::milliseconds> send(web::Client& client, std::span<const std::string> records, Outcome& outcome);
    void take_answer(const web::Response& response, std::size_t records, Outcome& outcome);

    model::OtlpExport settings_;
    web::Request request_;
    std::string head_;
    web::Client client_;
    Backoff backoff_;
    std::mt19937 random_;
};

}  // namespace meshd::exporters
