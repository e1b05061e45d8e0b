// SPDX-License-Identifier: Apache-2.0
#include "worker/probes.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <sys/resource.h>

#include <spdlog/spdlog.h>

#include "channel/split.hpp"
#include "telemetry/exposition.hpp"

namespace meshd::worker {

namespace {

constexpr std::chrono::milliseconds send_delay{20};  // what is decided together is told together
constexpr std::chrono::milliseconds send_retry{100};
constexpr rlim_t other_descriptors = 256;  // for all that is not a probe

// As many descriptors as the process may have at all: each attempt needs one.
std::size_t most_attempts(std::size_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted + other_descriptors);
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) (void)::getrlimit(RLIMIT_NOFILE, &limit);
    }
    const auto free = limit.rlim_cur > 2 * other_descriptors ? limit.rlim_cur - other_descriptors : limit.rlim_cur / 2;
    return std::min<std::size_t>(wanted, free);
}

health::ProberOptions options(health::Dial dial) {
    health::ProberOptions options;
    options.dial = std::move(dial);
    options.most_running = most_attempts(options.most_running);
    options.seed = std::random_device()() | std::uint64_t{std::random_device()()} << 32;
    return options;
}

template <std::size_t count>
prometheus::MetricFamily histogram(std::string name, std::string help, const health::Histogram<count>& values) {
    prometheus::ClientMetric sample;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < count; ++i) {
        cumulative += values.buckets[i];
        sample.histogram.bucket.push_back({cumulative, static_cast<double>(values.bounds_us[i]) / 1e6});
    }
    sample.histogram.sample_count = cumulative + values.buckets[count];
    sample.histogram.sample_sum = static_cast<double>(values.sum_us) / 1e6;
    return {std::move(name), std::move(help), prometheus::MetricType::Histogram, {std::move(sample)}};
}

}  // namespace

Probes::Probes(boost::asio::io_context& context, ProbesHooks hooks)
    : hooks_(std::move(hooks)),
      prober_(
          context, [this] { send_soon(send_delay); }, options(hooks_.dial)),
      send_timer_(context) {}

void Probes::take(const registry::Change& change, const model::DesiredState& state) {
    for (const auto& name : change.remove) prober_.remove(name);
    for (const auto& service : change.upsert) prober_.set(*service);
    if (!change.complete || std::exchange(is_swept_, true)) return;
    prober_.keep_only([&](const std::string& name) { return state.services.contains(name); });
}

void Probes::watch(const channel::Ejected& ejected) {
    for (const auto& one : ejected.backends) prober_.watch({one.service, one.port, one.protocol, one.backend});
}

void Probes::send_soon(std::chrono::milliseconds delay) {
    send_timer_.expires_after(delay);
    send_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        if (!hooks_.may_send()) return send_soon(send_retry);
        const channel::HealthReport report{prober_.take_news()};
        if (report.backends.empty()) return;
        for (const auto& backend : report.backends)
            spdlog::debug("health: {} of {}:{}/{} is {}: {}", backend.backend.text(), backend.service, backend.port,
                          base::name(backend.protocol), backend.healthy ? "healthy" : "unhealthy", backend.reason());
        channel::split_health(report, hooks_.send);
    });
}

std::vector<prometheus::MetricFamily> Probes::families() const {
    const auto& figures = prober_.figures();
    prometheus::MetricFamily results{"meshd_probes_total", "Probes of backends, by result.", prometheus::MetricType::Counter, {}};
    for (std::size_t i = 0; i < figures.results.size(); ++i) {
        if (figures.results[i] == 0) continue;  // series appear when they first count
        prometheus::ClientMetric sample;
        sample.label = {{"result", std::string(model::name(static_cast<model::ProbeResult>(i)))}};
        sample.counter.value = static_cast<double>(figures.results[i]);
        results.metric.push_back(std::move(sample));
    }
    return {
        std::move(results),
        histogram("meshd_probe_duration_seconds", "Time from the beginning of a probe to its result.", figures.duration),
        histogram("meshd_probe_lateness_seconds", "Time from when a probe was due to its beginning.", figures.lateness),
        telemetry::gauge("meshd_probe_targets", "Backends that are probed, each with the same probe once.",
                         static_cast<double>(prober_.targets())),
        telemetry::gauge("meshd_probes_running", "Probes that wait for an answer now.", static_cast<double>(prober_.running()))};
}

}  // namespace meshd::worker
