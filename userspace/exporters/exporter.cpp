// SPDX-License-Identifier: Apache-2.0
#include "exporters/exporter.hpp"

#include <charconv>
#include <csignal>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

namespace meshd::exporters {

namespace {

std::string_view text_at(const boost::json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
}

std::uint64_t id_of(const boost::json::object& event) {
    const auto text = text_at(event, "id");
    std::uint64_t id = 0;
    std::from_chars(text.data(), text.data() + text.size(), id, 16);
    return id;
}

}  // namespace

Exporter::Exporter(const model::FlowChoice& choice, std::size_t queue, std::unique_ptr<Sink> sink, std::shared_ptr<Counts> counts,
                   std::function<void()> on_change)
    : choice_(choice), sink_(std::move(sink)), counts_(counts), queue_(queue), outcome_(std::move(counts), std::move(on_change)) {
    // Signals are for the loop.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Exporter::~Exporter() { halt(); }

void Exporter::run() {
    sink_->run(queue_, outcome_);
    if (finishes_) sink_->finish(queue_.take_all(), outcome_);
}

void Exporter::put(const channel::FlowEvents& flows) {
    counts_->untold += flows.lost;
    for (std::size_t i = 0; i < flows.left_out.size(); ++i)
        if (choice_.changes[i]) counts_->left_out += flows.left_out[i];
    for (const auto& value : flows.events) {
        const auto& event = value.get_object();
        const auto change = model::parse_flow_event(text_at(event, "event"));
        if (!change || !choice_.wants(*change)) continue;
        if (!choice_.samples(id_of(event)))
            ++counts_->left_out;
        else if (!queue_.put(sink_->render(event)))
            ++counts_->queue_full;
    }
}

void Exporter::put(Records rendered) {
    for (auto& record : rendered)
        if (!queue_.put(std::move(record))) ++counts_->queue_full;
}

void Exporter::reopen() {
    sink_->reopen();
    queue_.wake();
}

Records Exporter::halt() {
    if (!thread_.joinable()) return {};
    queue_.stop();
    sink_->interrupt();
    thread_.join();
    return queue_.take_all();
}

void Exporter::finish() {
    finishes_ = true;
    (void)halt();
}

}  // namespace meshd::exporters
