// SPDX-License-Identifier: Apache-2.0
#include "acme/challenges.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "tls/server_order.hpp"

namespace meshd::acme {

namespace {

constexpr std::string_view well_known = "/.well-known/acme-challenge/";  // RFC 8555, 8.3
constexpr unsigned ok = 200, bad_request = 400, forbidden = 403, not_found = 404, conflict = 409;

http::Response plain(unsigned status, std::string text) { return {status, std::move(text), "text/plain", {}}; }

// Anybody may come from outside, so few and small requests are enough.
http::ServerLimits limits_of_http() {
    http::ServerLimits limits;
    limits.body_bytes = 0;
    limits.connections = 256;
    limits.read_timeout = std::chrono::seconds(3);
    return limits;
}

}  // namespace

base::Result<void> Challenges::listen(const std::string& path) {
    hooks_.reset();
    auto made = http::Server::listen(io_, http::UnixSocket{path, 0600, {}, {}},
                                     http::answer_at_once([this](const http::Request& request) { return take(request); }));
    if (!made) return tl::make_unexpected(made.error());
    hooks_ = std::move(*made);
    return {};
}

base::Result<void> Challenges::listen_http(base::UniqueFd socket) {
    http_.reset();
    auto made = http::Server::serve(io_, std::move(socket),
                                    http::answer_at_once([this](const http::Request& request) { return answer(request); }),
                                    limits_of_http());
    if (!made) return tl::make_unexpected(made.error());
    http_ = std::move(*made);
    return {};
}

void Challenges::end() {
    order_ = {};
    authorizations_.clear();
    if (std::exchange(certificates_, {}).empty()) return;
    (void)show_({});  // showing none cannot fail
}

// Only uacme as this worker started it, for what it was started for.
std::string Challenges::why_refused(const http::Request& request) const {
    if (!request.peer || request.peer->uid != ::geteuid()) return "it is another user's";
    if (order_.group == 0) return "no certificate is being ordered";
    if (::getpgid(request.peer->pid) != order_.group) return "it was not started for the certificate that is being ordered";
    return {};
}

http::Response Challenges::take(const http::Request& request) {
    if (const auto why = why_refused(request); !why.empty()) {
        spdlog::warn("edge: a word on challenges of process {} of user {} is refused: {}", request.peer ? request.peer->pid : 0,
                     request.peer ? request.peer->uid : 0, why);
        return plain(forbidden, why);
    }
    if (request.method != "POST" || request.path != challenge_path)
        return plain(not_found, "it is POST " + std::string(challenge_path));
    const auto step = step_in(request.body);
    if (!step) return plain(bad_request, step.error().message());
    if (step->type != model::name(order_.challenge)) return plain(conflict, "it is answered by another challenge");
    if (std::find(order_.names.begin(), order_.names.end(), step->name) == order_.names.end())
        return plain(forbidden, "the certificate is not ordered for " + step->name);
    if (const auto applied = apply(*step); !applied) return plain(bad_request, applied.error().message());
    return plain(ok, {});
}

base::Result<void> Challenges::apply(const ChallengeStep& step) {
    const bool begins = step.method == ChallengeStep::Method::begin;
    if (order_.challenge == model::AcmeChallenge::http_01) {
        if (begins)
            authorizations_[step.token] = step.authorization;
        else
            authorizations_.erase(step.token);
        return {};
    }
    auto next = certificates_;
    next.erase(step.name);
    if (begins) {
        const auto digest = digest_of(step);
        if (!digest) return tl::make_unexpected(digest.error());
        auto made = tls::make_challenge_certificate(step.name, *digest);
        if (!made) return tl::make_unexpected(made.error());
        next.emplace(step.name, std::move(*made));
    }
    if (auto shown = show_(next); !shown) return shown;
    certificates_ = std::move(next);
    return {};
}

http::Response Challenges::answer(const http::Request& request) const {
    const std::string_view path = request.path;
    if ((request.method == "GET" || request.method == "HEAD") && path.starts_with(well_known))
        if (const auto found = authorizations_.find(path.substr(well_known.size())); found != authorizations_.end())
            return {ok, found->second, "application/octet-stream", {}};
    return plain(not_found, "nothing is here but answers to an authority's challenges\n");
}

}  // namespace meshd::acme
