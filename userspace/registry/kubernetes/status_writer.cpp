// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/status_writer.hpp"

#include <utility>

#include <spdlog/spdlog.h>

#include "http/message.hpp"

namespace meshd::registry::kubernetes {

StatusWriter::StatusWriter(boost::asio::io_context& io, web::AsyncClient& client, Credentials& credentials,
                           Configurations& configurations, std::string source, StatusWriterTimes times)
    : client_(client),
      credentials_(credentials),
      configurations_(configurations),
      source_(std::move(source)),
      times_(times),
      timer_(io) {}

void StatusWriter::look() {
    if (is_waiting_ || pending_ || configurations_.unsaid().empty()) return;
    wait(std::chrono::milliseconds(0), times_.longest);
}

void StatusWriter::wait(std::chrono::milliseconds least, std::chrono::milliseconds most) {
    is_waiting_ = true;
    timer_.expires_after(
        std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(least.count(), most.count())(random_)));
    timer_.async_wait([this](boost::system::error_code ec) {
        if (ec) return;
        is_waiting_ = false;
        write_next();
    });
}

void StatusWriter::write_next() {
    const auto unsaid = configurations_.unsaid();
    if (unsaid.empty()) return;
    auto access = credentials_.current();
    if (!access) return wait(times_.again, 2 * times_.again);  // the reflectors say it
    const auto& one = unsaid.front();
    web::AsyncRequest request;
    request.method = "PATCH";
    request.url = access->url + std::string(configurations_path) + '/' + http::percent_encode(one.object) + "/status";
    request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/merge-patch+json"}};
    if (!access->token.empty()) request.headers["Authorization"] = "Bearer " + access->token;
    request.tls = access->tls;
    request.body = status_patch(one.standing, one.verdict, std::chrono::system_clock::now());
    configurations_.written(one);
    pending_ = client_.start(std::move(request), [this, one](const Answer& answer) { take(one, answer); });
}

void StatusWriter::take(const Configurations::Unsaid& written, const Answer& answer) {
    pending_.reset();
    const auto status = answer ? answer->status : 0;
    if (status == 200) return write_next();
    configurations_.not_written(written.object);
    // Another node was faster, or the object is gone: the watch is about to say so.
    if (status == 409 || status == 404) return wait(times_.longest, 2 * times_.longest);
    if (status == 403) {
        if (!std::exchange(was_denied_, true))
            spdlog::warn(
                "{}: cannot write the status of MeshConfigurations: it answers 403; grant the verb patch for "
                "\"meshconfigurations/status\" of the API group \"meshd.dev\": `kubectl apply -f deploy/kubernetes/rbac.yaml`",
                source_);
        return wait(times_.denied, 2 * times_.denied);
    }
    spdlog::debug("{}: cannot write the status of meshconfiguration {}: {}", source_, written.object,
                  answer ? "it answers " + std::to_string(status) : answer.error().error.message());
    wait(times_.again, 2 * times_.again);
}

}  // namespace meshd::registry::kubernetes
