// SPDX-License-Identifier: Apache-2.0
#include "exporters/exporters.hpp"

#include <utility>

#include <boost/asio/post.hpp>

#include "exporters/file_sink.hpp"
#include "exporters/otlp_sink.hpp"

namespace meshd::exporters {

namespace {

constexpr std::size_t log_queue = 16384;  // lines, of some 600 bytes

}  // namespace

Exporters::Exporters(boost::asio::io_context& context, std::function<void()> on_change)
    : context_(context), on_change_(std::move(on_change)) {
    log_.name = "log";
    log_.feature = channel::export_features[0];
    otlp_.name = "otlp";
    otlp_.feature = channel::export_features[1];
}

void Exporters::configure(const model::FlowExport& wanted) {
    const auto before = std::exchange(settings_, wanted);
    if (before.log != wanted.log)
        replace(log_, wanted.log.enabled(), wanted.log.choice, log_queue,
                wanted.log.enabled() ? std::make_unique<FileSink>(wanted.log) : nullptr);
    if (before.otlp != wanted.otlp)
        replace(otlp_, wanted.otlp.enabled(), wanted.otlp.choice, wanted.otlp.queue,
                wanted.otlp.enabled() ? std::make_unique<OtlpSink>(wanted.otlp) : nullptr);
    on_change_();
}

void Exporters::replace(Way& way, bool enabled, const model::FlowChoice& choice, std::size_t queue, std::unique_ptr<Sink> sink) {
    auto left = way.exporter ? way.exporter->halt() : Records{};
    way.exporter.reset();
    way.queue = queue;
    if (!enabled) return;
    way.exporter = std::make_unique<Exporter>(choice, queue, std::move(sink), way.counts,
                                              [this] { boost::asio::post(context_, [this] { on_change_(); }); });
    way.exporter->put(std::move(left));
}

void Exporters::put(const channel::FlowEvents& flows) {
    for (auto* const way : {&log_, &otlp_})
        if (way->exporter) way->exporter->put(flows);
}

void Exporters::reopen() {
    for (auto* const way : {&log_, &otlp_})
        if (way->exporter) way->exporter->reopen();
}

void Exporters::finish() {
    for (auto* const way : {&log_, &otlp_})
        if (way->exporter) way->exporter->finish();
}

std::vector<channel::ExportProblem> Exporters::problems() const {
    std::vector<channel::ExportProblem> all;
    for (const auto* const way : {&log_, &otlp_})
        if (const auto problem = way->exporter ? way->exporter->problem() : std::nullopt)
            all.push_back({std::string(way->feature), problem->reason, problem->remedy});
    return all;
}

std::vector<Exporters::Figures> Exporters::figures() const {
    std::vector<Figures> all;
    for (const auto* const way : {&log_, &otlp_})
        if (way->exporter) all.push_back({way->name, *way->counts, way->exporter->waiting(), way->queue});
    return all;
}

}  // namespace meshd::exporters
