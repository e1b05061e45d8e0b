// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_sink.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <unistd.h>

#include "exporters/gzip.hpp"
#include "exporters/otlp_record.hpp"

namespace meshd::exporters {

namespace {

using namespace std::chrono_literals;

constexpr auto last_attempt = 1s;

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
bool is_retryable(long status) { return status == 429 || status == 502 || status == 503 || status == 504; }

std::string remedy_of(long status) {
    if (status / 100 == 3) return "flows.otlp.endpoint must be the address that it redirects to";
    switch (status) {
        case 401:
        case 403:
            return "set what the collector wants in flows.otlp.headers";
        case 404:
        case 405:
            return "flows.otlp.endpoint must be the collector's address for OTLP/HTTP; /v1/logs is put behind it";
        case 413:
            return "lower flows.otlp.batch.records";
        default:
            return is_retryable(status)
                       ? "tried again; records wait in memory, and those that find no room there are lost and counted"
                       : "see the collector's log";
    }
}

// An answer's text as part of one line.
std::string excerpt(std::string_view body) {
    std::string text(body.substr(0, 200));
    for (auto& c : text)
        if (c < ' ' || c > '~') c = ' ';
    return text.empty() ? "" : " (" + text + ")";
}

}  // namespace

OtlpSink::OtlpSink(model::OtlpExport settings)
    : settings_(std::move(settings)), head_(otlp_head(host_name())), random_(std::random_device{}()) {
    request_.method = "POST";
    request_.url = settings_.endpoint + "/v1/logs";
    request_.headers = settings_.headers;
    request_.headers["Content-Type"] = "application/json";
    request_.headers["Content-Encoding"] = "gzip";
    request_.ca = settings_.ca;
}

std::string OtlpSink::render(const boost::json::object& event) const { return otlp_record(event); }

void OtlpSink::take_answer(const web::Response& response, std::size_t records, Outcome& outcome) {
    if (response.status / 100 != 2) {
        outcome.counts().refused += records;
        outcome.failed({"send flows to", request_.url, 0,
                        "it answers with status " + std::to_string(response.status) + excerpt(response.body),
                        remedy_of(response.status)});
        return;
    }
    const auto rejected = otlp_rejected(response.body);
    const auto lost = std::min<std::uint64_t>(rejected.records, records);
    outcome.counts().refused += lost;
    outcome.counts().passed_on += records - lost;
    if (lost == 0)
        outcome.went_well();
    else
        outcome.failed(
            {"send flows to", request_.url, 0, "it rejected some of them" + excerpt(rejected.why), "see the collector's log"});
}

std::optional<std::chrono::milliseconds> OtlpSink::send(web::Client& client, std::span<const std::string> records,
                                                        Outcome& outcome) {
    auto packed = gzip(otlp_request(head_, records));
    if (!packed) {
        outcome.failed(packed.error());
        return backoff_.next(std::nullopt, 0.5);
    }
    request_.body = std::move(*packed);
    const auto response = client.request(request_);
    const auto chance = std::uniform_real_distribution(0.0, 1.0)(random_);
    if (!response) {
        if (!client.aborted()) outcome.failed(response.error());
        return backoff_.next(std::nullopt, chance);
    }
    if (is_retryable(response->status)) {
        outcome.failed({"send flows to", request_.url, 0, "it answers with status " + std::to_string(response->status),
                        remedy_of(response->status)});
        return backoff_.next(response->retry_after, chance);
    }
    backoff_.reset();
    take_answer(*response, records.size(), outcome);
    return std::nullopt;
}

void OtlpSink::run(RecordQueue& queue, Outcome& outcome) {
    Records records;
    while (!queue.stopped()) {
        if (records.empty()) records = queue.take(settings_.batch_records, settings_.batch_interval);
        if (records.empty()) continue;
        const auto wait = send(client_, records, outcome);
        if (!wait) {
            records.clear();
        } else if (queue.pause(*wait)) {
            ++outcome.counts().retries;
        }
    }
    queue.give_back(std::move(records));
}

void OtlpSink::finish(Records records, Outcome& outcome) {
    if (records.empty()) return;
    request_.connect_timeout = last_attempt;
    request_.timeout = last_attempt;
    web::Client client;  // the other one was aborted
    (void)send(client, records, outcome);
}

}  // namespace meshd::exporters
