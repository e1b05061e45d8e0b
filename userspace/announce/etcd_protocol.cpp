// SPDX-License-Identifier: Apache-2.0
#include "announce/etcd_protocol.hpp"

#include <utility>

#include "announce/etcd_requests.hpp"
#include "config/text_file.hpp"
#include "registry/etcd/requests.hpp"

namespace meshd::announce {

using registry::etcd::Complaint;

namespace {

using namespace std::chrono_literals;

constexpr auto answer_time = 5s;
constexpr int most_tries = 2;

bool never(const Complaint&) { return false; }
bool about_lease(const Complaint& complaint) { return is_no_lease(complaint.message); }

}  // namespace

std::string EtcdProtocol::key() const { return etcd_key(registry_.prefix, step_.wanted.what); }

void EtcdProtocol::perform(const Step& step, Done done) {
    step_ = step;
    done_ = std::move(done);
    tries_ = 0;
    if (step.task == Task::withdraw || !step.wanted.is_well)
        withdraw();
    else if (step.task == Task::announce)
        announce();
    else
        renew();
}

void EtcdProtocol::announce() {
    const auto lease = leases_.find(step_.id);
    if (lease == leases_.end() || lease->second.ttl != step_.wanted.what.ttl)
        grant();
    else if (lease->second.value == etcd_value(step_.wanted))
        look();
    else
        put();
}

// Whoever watches would hear of a value that is put again.
void EtcdProtocol::look() {
    ask({"/v3/kv/range", read_request(key()),
         [this](const std::string& body) {
             const auto range = registry::etcd::parse_range(body);
             if (!range) return cannot_read(range.error());
             const bool is_there = !range->items.empty() && range->items.front().value == leases_.at(step_.id).value;
             if (is_there) return end({});
             put();
         },
         never});
}

void EtcdProtocol::grant() {
    ask({"/v3/lease/grant", grant_request(step_.wanted.what.ttl),
         [this](const std::string& body) {
             auto lease = parse_lease(body);
             if (!lease) return cannot_read(std::move(lease.error()));
             leases_[step_.id] = {std::move(*lease), step_.wanted.what.ttl, {}};
             put();
         },
         never});
}

// The key leaves the lease that it had before, if any.
void EtcdProtocol::put() {
    ask({"/v3/kv/put", put_request(key(), etcd_value(step_.wanted), leases_.at(step_.id).id),
         [this](const std::string& body) {
             if (!body.empty()) {
                 leases_.at(step_.id).value = etcd_value(step_.wanted);
                 return end({});
             }
             leases_.erase(step_.id);  // it has run out
             if (++tries_ > most_tries) return fail(Problem::Kind::server, "each lease ends at once");
             grant();
         },
         about_lease});
}

void EtcdProtocol::renew() {
    const auto lease = leases_.find(step_.id);
    if (lease == leases_.end()) return fail(Problem::Kind::forgotten, "there is no lease");
    ask({"/v3/lease/keepalive", lease_request(lease->second.id),
         [this](const std::string& body) {
             const auto alive = body.empty() ? base::Result<bool>(false) : parse_alive(body);
             if (!alive) return cannot_read(alive.error());
             if (*alive) return end({});
             leases_.erase(step_.id);
             fail(Problem::Kind::forgotten, "the lease has run out");
         },
         about_lease});
}

// A lease that an earlier worker had is not known; it ends by itself.
void EtcdProtocol::withdraw() {
    const auto lease = leases_.find(step_.id);
    const auto then = [this](const std::string&) {
        leases_.erase(step_.id);
        end({});
    };
    if (lease == leases_.end())
        ask({"/v3/kv/deleterange", delete_request(key()), then, never});
    else
        ask({"/v3/lease/revoke", lease_request(lease->second.id), then, about_lease});
}

// ---- Asking ----

void EtcdProtocol::ask(Question question) {
    if (!registry_.user.empty() && token_.empty() && !no_users_)
        authenticate(std::move(question));
    else
        send(std::move(question));
}

void EtcdProtocol::authenticate(Question question) {
    const auto password = config::read_secret_file(registry_.password_file);
    if (!password) return end(tl::make_unexpected(Problem{Problem::Kind::server, password.error()}));
    auto then = [this, question = std::move(question)](const std::string& body) {
        auto token = registry::etcd::parse_token(body);
        if (!token) return cannot_read(std::move(token.error()));
        token_ = std::move(*token);
        send(question);
    };
    send({"/v3/auth/authenticate", registry::etcd::authenticate_request(registry_.user, *password), std::move(then), never});
}

void EtcdProtocol::send(Question question) {
    web::AsyncRequest request;
    request.method = "POST";
    request.url = endpoint() + question.path;
    request.headers["Content-Type"] = "application/json";
    if (!token_.empty()) request.headers["Authorization"] = token_;
    request.body = question.body;
    const auto& access = registry_.access;
    request.tls = {access.ca, access.certificate, access.key, access.server_name};
    request.timeout = answer_time;
    pending_ = client_.start(std::move(request), [this, question = std::move(question)](const auto& answer) mutable {
        take(std::move(question), answer);
    });
}

void EtcdProtocol::take(Question question, const tl::expected<web::AsyncResponse, web::AsyncError>& answer) {
    if (!answer) {
        endpoint_ = (endpoint_ + 1) % registry_.endpoints.size();
        return end(tl::make_unexpected(Problem{Problem::Kind::server, answer.error().error}));
    }
    if (answer->status != 200)
        return complain(std::move(question), registry::etcd::parse_complaint(answer->status, answer->body));
    question.then(answer->body);
}

void EtcdProtocol::complain(Question question, const Complaint& complaint) {
    if (question.expected(complaint)) return question.then({});
    switch (complaint.kind()) {
        case Complaint::Kind::token:
            if (registry_.user.empty())
                return fail(Problem::Kind::server, complaint.message, "set \"user\" and \"password_file\" in its settings");
            no_users_ = false;
            token_.clear();
            if (++tries_ <= most_tries) return ask(std::move(question));
            break;
        case Complaint::Kind::no_users:
            no_users_ = true;
            if (++tries_ <= most_tries) return perform(Step(step_), std::exchange(done_, nullptr));
            break;
        case Complaint::Kind::denied:
            token_.clear();
            return fail(Problem::Kind::refused, complaint.message,
                        "give " + (registry_.user.empty() ? "a user" : "user " + registry_.user) +
                            " the right to write the keys that begin with " + registry_.prefix +
                            "announced/, or correct its password");
        default:
            break;
    }
    endpoint_ = (endpoint_ + 1) % registry_.endpoints.size();
    fail(Problem::Kind::server, complaint.message);
}

void EtcdProtocol::fail(Problem::Kind kind, std::string why, std::string remedy) {
    end(tl::make_unexpected(Problem{kind, {"announce to", endpoint(), 0, std::move(why), std::move(remedy)}}));
}

void EtcdProtocol::cannot_read(base::Error error) {
    error.object += " of " + endpoint();
    end(tl::make_unexpected(Problem{Problem::Kind::server, std::move(error)}));
}

// What is done next may begin, or destroy this.
void EtcdProtocol::end(Outcome outcome) {
    const auto done = std::exchange(done_, nullptr);
    done(std::move(outcome));
}

}  // namespace meshd::announce
