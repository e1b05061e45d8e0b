// SPDX-License-Identifier: Apache-2.0
#include "announce/consul_protocol.hpp"

#include <chrono>
#include <utility>

#include "announce/consul_requests.hpp"
#include "http/message.hpp"
#include "registry/consul/answers.hpp"
#include "registry/consul/requests.hpp"

namespace meshd::announce {

namespace {

using namespace std::chrono_literals;

constexpr auto answer_time = 5s;

const std::string agent = "/v1/agent/";
const std::string drained_reason = http::percent_encode(registry::consul::drained_notes);

}  // namespace

void ConsulProtocol::perform(const Step& step, Done done) {
    done_ = std::move(done);
    requests_.clear();
    const auto id = http::percent_encode(consul_id(step.wanted.what));
    switch (step.task) {
        case Task::announce:
            announce(step.wanted);
            break;
        case Task::renew:
            requests_.push_back({agent + "check/update/" + id, check_update(step.wanted)});
            break;
        case Task::withdraw:
            requests_.push_back({agent + "service/deregister/" + id, {}, true});
            drained_.erase(step.wanted.what.id());
            break;
    }
    send_next();
}

// Nobody may find it passing before it is known whether it drains. Maintenance that a person has begun at Consul is not ended.
void ConsulProtocol::announce(const Wanted& wanted) {
    const auto id = http::percent_encode(consul_id(wanted.what));
    const Request update{agent + "check/update/" + id, check_update(wanted), !wanted.is_well};
    if (wanted.is_well) {
        requests_.push_back({agent + "service/register", registration(wanted, wanted.takes_connections())});
        const auto before = drained_.find(wanted.what.id());
        if (wanted.is_drained || before == drained_.end() || before->second)
            requests_.push_back({agent + "service/maintenance/" + id +
                                     (wanted.is_drained ? "?enable=true&reason=" + drained_reason : "?enable=false"),
                                 {}});
        drained_[wanted.what.id()] = wanted.is_drained;
    }
    requests_.push_back(update);
}

void ConsulProtocol::send_next() {
    if (requests_.empty()) return end({});
    auto next = std::move(requests_.front());
    requests_.pop_front();
    auto token = registry::consul::read_token(registry_.access.token_file);
    if (!token) return end(tl::make_unexpected(Problem{Problem::Kind::server, std::move(token.error())}));
    web::AsyncRequest request;
    request.method = "PUT";
    request.url = agent_url(registry_, next.path);
    if (!token->empty()) request.headers["X-Consul-Token"] = *token;
    request.headers["Content-Type"] = "application/json";
    request.body = next.body;
    const auto& access = registry_.access;
    request.tls = {access.ca, access.certificate, access.key, access.server_name};
    request.timeout = answer_time;
    pending_ = client_.start(std::move(request), [this, next = std::move(next)](const auto& answer) { take(next, answer); });
}

void ConsulProtocol::take(const Request& request, const tl::expected<web::AsyncResponse, web::AsyncError>& answer) {
    if (!answer) return end(tl::make_unexpected(Problem{Problem::Kind::server, answer.error().error}));
    const bool is_unknown_there = is_unknown(answer->status, answer->body);
    if (answer->status == 200 || (is_unknown_there && request.may_be_unknown)) return send_next();
    auto refusal = registry::consul::refusal(registry_, request.path, answer->status, answer->body);
    refusal.error.operation = "announce to";
    if (is_unknown_there) return end(tl::make_unexpected(Problem{Problem::Kind::forgotten, std::move(refusal.error)}));
    const bool is_of_this = answer->status == 400 || (answer->status == 403 && !refusal.of_server);
    end(tl::make_unexpected(Problem{is_of_this ? Problem::Kind::refused : Problem::Kind::server, std::move(refusal.error)}));
}

// What is done next may begin, or destroy this.
void ConsulProtocol::end(Outcome outcome) {
    requests_.clear();
    const auto done = std::exchange(done_, nullptr);
    done(std::move(outcome));
}

}  // namespace meshd::announce
