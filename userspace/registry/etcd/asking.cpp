// SPDX-License-Identifier: Apache-2.0
// How EtcdSource asks an endpoint, and what it does when it does not get what it asked for.
#include <utility>

#include <fmt/format.h>

#include "registry/etcd/etcd_source.hpp"
#include "registry/web_failure.hpp"

namespace meshd::registry::etcd {

namespace {

constexpr int most_restarts = 3;

}  // namespace

web::AsyncRequest EtcdSource::request(const std::string& path, std::string body, std::chrono::milliseconds timeout) const {
    web::AsyncRequest request;
    request.method = "POST";
    request.url = endpoint() + path;
    request.headers["Content-Type"] = "application/json";
    if (!token_.empty()) request.headers["Authorization"] = token_;
    request.body = std::move(body);
    const auto& access = settings_.access;
    request.tls = {access.ca, access.certificate, access.key, access.server_name};
    request.timeout = timeout;
    return request;
}

std::unique_ptr<web::Pending> EtcdSource::ask(const std::string& path, std::string body, std::chrono::milliseconds timeout,
                                              OnText then) {
    return client_.start(request(path, std::move(body), timeout), [this, then](const Answer& answer) {
        if (!answer) return on_error(answer.error());
        if (answer->status != 200) return on_complaint(parse_complaint(answer->status, answer->body));
        (this->*then)(answer->body);
    });
}

void EtcdSource::on_error(const web::AsyncError& error) {
    // An answer that is larger than the client takes is one of these.
    const bool is_page = state_ == State::reading && error.kind == web::AsyncError::Kind::malformed;
    if (is_page && page_ > 1) return ask_for_less();
    fail(failure_of(error.kind), error.error);
}

void EtcdSource::on_complaint(const Complaint& complaint) {
    switch (complaint.kind()) {
        case Complaint::Kind::token: {
            token_.clear();
            no_users_ = false;
            if (settings_.user.empty())
                return fail(Failure::denied, "read", complaint.message, "set \"user\" and \"password_file\" in its settings");
            if (token_is_fresh_) return fail(Failure::denied, "read", complaint.message);
            return begin_anew(complaint.message);
        }
        case Complaint::Kind::no_users:
            no_users_ = true;
            return begin_anew(complaint.message);
        case Complaint::Kind::denied:
            token_.clear();
            return fail(Failure::denied, "read", complaint.message,
                        fmt::format("give {} the right to read the keys that begin with {}, or correct its password",
                                    settings_.user.empty() ? "a user" : "user " + settings_.user, settings_.prefix));
        case Complaint::Kind::compacted:
            return begin_anew(complaint.message);
        case Complaint::Kind::too_large:
            if (page_ > 1) return ask_for_less();
            break;
        case Complaint::Kind::other:
            break;
    }
    fail(Failure::server, "read", complaint.message.empty() ? "it ended the watch" : complaint.message);
}

// For what is no failure once; a server that always says it must not keep us busy.
void EtcdSource::begin_anew(const std::string& why) {
    if (++restarts_ > most_restarts) return fail(Failure::server, "read", why);
    connect();
}

void EtcdSource::ask_for_less() {
    largest_page_ = page_ / 2;
    connect();
}

// ---- When it fails ----

void EtcdSource::fail(Failure kind, std::string operation, std::string why, std::string remedy) {
    fail(kind, base::Error{std::move(operation), endpoint(), 0, std::move(why), std::move(remedy)});
}

void EtcdSource::cannot_read(base::Error error) {
    error.object += " of " + endpoint();
    fail(Failure::malformed, error);
}

void EtcdSource::fail(Failure kind, const base::Error& error) {
    hang_up();
    state_ = State::waiting;
    token_is_fresh_ = false;
    restarts_ = 0;
    endpoint_ = (endpoint_ + 1) % settings_.endpoints.size();
    after(backoff_.next(chance()), &EtcdSource::connect);
    intake_.failed(kind, error);
}

void EtcdSource::hang_up() {
    ++*turn_;
    timer_.cancel();
    question_.reset();
    watch_.reset();
    stream_.reset();
}

void EtcdSource::after(std::chrono::milliseconds time, void (EtcdSource::*then)()) {
    timer_.expires_after(time);
    timer_.async_wait([this, then, mine = ++*turn_, weak = std::weak_ptr(turn_)](const boost::system::error_code& error) {
        const auto turn = weak.lock();
        if (!error && turn && *turn == mine) (this->*then)();
    });
}

void EtcdSource::check_later() {
    const auto time = static_cast<double>(times_.check.count()) * (0.75 + 0.5 * chance());
    after(std::chrono::milliseconds(static_cast<long>(time)), &EtcdSource::check);
}

}  // namespace meshd::registry::etcd
