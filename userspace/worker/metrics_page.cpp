// SPDX-License-Identifier: Apache-2.0
#include "worker/metrics_page.hpp"

#include <utility>

#include <spdlog/spdlog.h>

#include "telemetry/exposition.hpp"

namespace meshd::worker {

namespace {

constexpr const char* plain = "text/plain; charset=utf-8";

http::Response text(unsigned status, std::string body) { return {status, std::move(body), plain, {}}; }

constexpr const char* index =
    "meshd-userspace, the worker of meshd\n"
    "/metrics  for Prometheus\n"
    "/healthz  200 when the agent is there and the registry has been read\n";

}  // namespace

MetricsPage::MetricsPage(boost::asio::io_context& context, MetricsHooks hooks, MetricsTimes times)
    : hooks_(std::move(hooks)),
      times_(times),
      listener_(
          context, {"metrics are served at", "/metrics"},
          [this](const http::Request& request, http::Respond respond) { handle(request, std::move(respond)); },
          [this] { hooks_.on_listen_change(); }, times.listen_retry),
      timeout_(context) {}

void MetricsPage::handle(const http::Request& request, http::Respond respond) {
    if (request.method != "GET" && request.method != "HEAD") {
        auto response = text(405, "only GET and HEAD are served here\n");
        response.headers["Allow"] = "GET, HEAD";
        respond(std::move(response));
    } else if (request.path == "/metrics") {
        scrape(std::move(respond));
    } else if (request.path == "/healthz") {
        const auto why = hooks_.why_unhealthy();
        respond(why.empty() ? text(200, "ok\n") : text(503, why + "\n"));
    } else if (request.path == "/") {
        respond(text(200, index));
    } else {
        respond(text(404, std::string("there is nothing here; there is:\n") + index));
    }
}

void MetricsPage::scrape(http::Respond respond) {
    waiting_.push_back(std::move(respond));
    if (waiting_.size() > 1) return;
    timeout_.expires_after(times_.answer_timeout);
    timeout_.async_wait([this, id = ++request_](boost::system::error_code ec) {
        if (ec || id != request_ || waiting_.empty()) return;
        spdlog::warn("the agent did not answer a request for metrics within {} ms", times_.answer_timeout.count());
        answer_all(text(503, "the agent did not answer in time\n"));
    });
    hooks_.ask_agent({request_});
}

void MetricsPage::take_answer(const channel::MetricsPart& answer) {
    if (answer.id != request_ || waiting_.empty()) return;  // too late
    timeout_.cancel();
    auto exposition = telemetry::from_json(answer.part);
    if (!exposition) {
        spdlog::error("{}", exposition.error().message());
        answer_all(text(500, exposition.error().message() + "\n"));
        return;
    }
    for (const auto& refused : exposition->refused) spdlog::error("{}", refused.message());
    auto families = std::move(exposition->families);
    for (auto& family : hooks_.own_families()) families.push_back(std::move(family));
    answer_all({200, telemetry::to_text(families), telemetry::content_type, {}});
}

void MetricsPage::answer_all(const http::Response& response) {
    for (const auto& respond : std::exchange(waiting_, {})) respond(response);
}

}  // namespace meshd::worker
