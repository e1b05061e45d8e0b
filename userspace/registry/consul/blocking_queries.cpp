// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/blocking_queries.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "registry/web_failure.hpp"

namespace meshd::registry::consul {

struct BlockingQueries::Asked {
    Asked(boost::asio::io_context& io, std::string id_of, Query what) : id(std::move(id_of)), query(std::move(what)), timer(io) {}

    struct Request {
        bool is_waiting = false;  // in its line
        std::unique_ptr<web::Pending> pending;
    };
    [[nodiscard]] Request& request(Kind kind) { return requests[static_cast<std::size_t>(kind)]; }

    std::string id;
    Query query;
    Request requests[2];      // by Kind
    std::uint64_t index = 0;  // 0: has to be looked at
    bool is_known = false;
    bool is_resting = false;
    Next next = Next::again;
    Backoff backoff;
    boost::asio::steady_timer timer;
};

BlockingQueries::BlockingQueries(boost::asio::io_context& io, web::AsyncClient& client, const model::ConsulRegistry& registry,
                                 Handlers handlers, Times times)
    : io_(io), client_(client), registry_(registry), handlers_(std::move(handlers)), times_(times), retry_(io) {}

BlockingQueries::~BlockingQueries() = default;

// ---- What is asked ----

void BlockingQueries::set(const std::string& id, Query query) {
    drop(id);
    const auto asked = std::make_shared<Asked>(io_, id, std::move(query));
    asked_.emplace(id, asked);
    ++unknown_;
    queue(asked, Kind::look);
}

void BlockingQueries::drop(const std::string& id) {
    const auto found = asked_.find(id);
    if (found == asked_.end()) return;
    const auto asked = found->second;
    const bool was_probe = is_down_ && probe_.lock() == asked;
    if (!asked->is_known) --unknown_;
    forget(*asked);
    asked->timer.cancel();
    asked_.erase(found);
    if (was_probe)
        try_again();
    else
        pump();
}

void BlockingQueries::ask(const std::string& id) {
    const auto found = asked_.find(id);
    if (found == asked_.end()) return;
    const auto asked = found->second;
    asked->is_resting = false;
    queue(asked, Kind::look);
}

void BlockingQueries::ask_all() {
    if (is_down_) return try_again();
    std::vector<std::string> ids;
    for (const auto& [id, asked] : asked_) ids.push_back(id);
    for (const auto& id : ids) ask(id);
}

void BlockingQueries::hurry(const std::string& id) {
    const auto found = asked_.find(id);
    if (found != asked_.end() && !found->second->request(Kind::hold).pending) ask(id);
}

std::size_t BlockingQueries::active() const {
    return static_cast<std::size_t>(std::count_if(
        asked_.begin(), asked_.end(), [](const auto& item) { return item.second->query.has_turns && !item.second->is_resting; }));
}

std::size_t BlockingQueries::most(Kind kind) const {
    if (kind == Kind::look) return times_.most_looks;
    return shares_ ? times_.most_sharing : times_.most_held;
}

bool BlockingQueries::take_turns() const { return active() > most(Kind::hold); }

// How long the next one may be held. Spread, so that what began together does not end together.
std::chrono::milliseconds BlockingQueries::turn() {
    const auto count = active();
    const auto slots = most(Kind::hold);
    auto time = static_cast<double>(times_.wait.count());
    if (count > slots) time = static_cast<double>(times_.round.count()) * static_cast<double>(slots) / static_cast<double>(count);
    return std::max(std::chrono::milliseconds(100), std::chrono::milliseconds(static_cast<long>(time * (0.9 + 0.1 * chance()))));
}

// ---- Whose turn it is ----

void BlockingQueries::queue(const AskedPtr& asked, Kind kind) {
    auto& request = asked->request(kind);
    if (is_down_ || asked->is_resting || request.pending || request.is_waiting) return;
    if (!asked->query.has_turns) return begin(asked, kind);
    request.is_waiting = true;
    lines_[static_cast<std::size_t>(kind)].waiting.emplace_back(asked);
    pump();
}

void BlockingQueries::queue_after(const AskedPtr& asked, std::chrono::milliseconds time) {
    asked->timer.expires_after(time);
    asked->timer.async_wait([this, weak = std::weak_ptr(asked), alive = std::weak_ptr(alive_)](boost::system::error_code ec) {
        const auto due = weak.lock();
        if (ec || alive.expired() || !due) return;
        const auto found = asked_.find(due->id);
        if (found != asked_.end() && found->second == due) queue(due, due->index == 0 ? Kind::look : Kind::hold);
    });
}

void BlockingQueries::pump() {
    pump(Kind::look);
    pump(Kind::hold);
}

void BlockingQueries::pump(Kind kind) {
    auto& line = lines_[static_cast<std::size_t>(kind)];
    while (!line.waiting.empty() && line.running < most(kind) && !is_down_) {
        const auto next = line.waiting.front().lock();
        line.waiting.pop_front();
        if (!next || !std::exchange(next->request(kind).is_waiting, false)) continue;
        begin(next, kind);
    }
}

void BlockingQueries::end(Asked& asked, Kind kind) {
    if (!asked.request(kind).pending) return;
    asked.request(kind).pending.reset();
    if (asked.query.has_turns) --lines_[static_cast<std::size_t>(kind)].running;
}

void BlockingQueries::forget(Asked& asked) {
    for (const auto kind : {Kind::look, Kind::hold}) {
        asked.request(kind).is_waiting = false;
        end(asked, kind);
    }
}

// ---- Asking ----

void BlockingQueries::begin(const AskedPtr& asked, Kind kind) {
    const auto token = read_token(registry_.access.token_file);
    if (!token) return fail_all(asked, Failure::settings, token.error());
    const auto wait = turn();
    const auto index = kind == Kind::look ? 0 : asked->index;
    const auto& access = registry_.access;
    web::AsyncRequest request;
    request.url = url_of(registry_, asked->query.path, asked->query.datacenter, index, wait);
    if (!token->empty()) request.headers.emplace("X-Consul-Token", *token);
    request.tls = {access.ca, access.certificate, access.key, access.server_name};
    request.timeout = times_.answer;
    if (index != 0) request.timeout += wait + wait / 16;  // what the server adds
    if (asked->query.has_turns) ++lines_[static_cast<std::size_t>(kind)].running;
    asked->request(kind).pending =
        client_.start(std::move(request), [this, kind, index, weak = std::weak_ptr(asked)](const Answer& answer) {
            if (const auto still = weak.lock()) on_answer(still, kind, index, answer);
        });
}

void BlockingQueries::on_answer(const AskedPtr& asked, Kind kind, std::uint64_t sent, const Answer& answer) {
    end(*asked, kind);
    if (!answer) {
        auto error = answer.error().error;
        error.object = registry_.url;
        return fail_all(asked, failure_of(answer.error().kind), error);
    }
    const auto refused = refusal(registry_, asked->query.path, answer->status, answer->body);
    // Without an index it is not Consul that says so.
    const bool is_missing =
        answer->status == 404 && !asked->query.if_missing.empty() && answer->headers.contains("x-consul-index");
    const bool is_good = answer->status == 200 || is_missing;
    if (!is_good && refused.of_server) return fail_all(asked, refused.kind, refused.error);

    const bool was_down = std::exchange(is_down_, false);
    const auto& body = is_missing ? asked->query.if_missing : answer->body;
    shares_ = answer->is_http2;
    if (!is_good)
        fail_one(asked, refused.kind, refused.error);
    else if (hides_all(answer->headers, body))
        fail_one(asked, Failure::denied, hidden(registry_, asked->query.path));
    else
        take(asked, kind, sent, index_of(answer->headers), body);
    if (was_down) resume(asked);
    pump();
}

void BlockingQueries::take(const AskedPtr& asked, Kind kind, std::uint64_t sent, std::uint64_t index, const std::string& body) {
    if (kind == Kind::hold && index < sent) {
        // Another server, or one that has lost its data: what it says with the index of another is not to be believed.
        asked->index = 0;
        return queue_after(asked, times_.gap);
    }
    // Nothing has changed, or a look that began later has seen it.
    if (kind == Kind::hold && index <= asked->index) return taken(asked, asked->index);
    asked->index = asked->query.interval.count() > 0 ? 0 : index;
    const auto next = asked->query.take(body);
    const auto found = asked_.find(asked->id);
    if (found == asked_.end() || found->second != asked) return;
    if (next) {
        asked->next = *next;
        return taken(asked, index);
    }
    auto error = next.error();
    error.object = "the answer of " + registry_.url + asked->query.path;
    fail_one(asked, Failure::malformed, error);
}

void BlockingQueries::taken(const AskedPtr& asked, std::uint64_t index) {
    asked->backoff.reset();
    asked->is_resting = asked->next == Next::rest;
    if (!std::exchange(asked->is_known, true)) --unknown_;
    if (asked->query.interval.count() > 0)
        queue_after(asked, asked->query.interval);
    else if (!asked->is_resting && !asked->request(Kind::hold).pending)
        queue_after(asked, index == 0 ? times_.blind : times_.gap);
    if (!all_known()) return;
    backoff_.reset();
    handlers_.answered();
}

// ---- When it fails ----

void BlockingQueries::fail_one(const AskedPtr& asked, Failure kind, const base::Error& error) {
    asked->index = 0;
    if (std::exchange(asked->is_known, false)) ++unknown_;
    queue_after(asked, asked->backoff.next(chance()));
    handlers_.failed(kind, error);
}

// Everybody waits until one of them has an answer. What is held stays: Consul may have refused one connection too many, and would
// count those that are given up until their time is over.
void BlockingQueries::fail_all(const AskedPtr& failed, Failure kind, const base::Error& error) {
    for (auto& line : lines_) line.waiting.clear();
    for (const auto& [id, asked] : asked_) {
        for (auto& request : asked->requests) request.is_waiting = false;
        asked->timer.cancel();
        asked->index = 0;
        asked->is_known = false;
        asked->is_resting = false;
    }
    unknown_ = asked_.size();
    if (std::exchange(is_down_, true) && probe_.lock() != failed) return;
    retry_.expires_after(backoff_.next(chance()));
    retry_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code ec) {
        if (!ec && !alive.expired()) try_again();
    });
    handlers_.failed(kind, error);
}

void BlockingQueries::try_again() {
    retry_.cancel();
    if (asked_.empty()) {
        is_down_ = false;
        return;
    }
    const auto probe = asked_.begin()->second;
    probe_ = probe;
    if (!probe->request(Kind::look).pending) begin(probe, Kind::look);
}

void BlockingQueries::resume(const AskedPtr& probe) {
    std::vector<AskedPtr> others;
    for (const auto& [id, asked] : asked_)
        if (asked != probe) others.push_back(asked);
    for (const auto& asked : others) queue(asked, Kind::look);
}

}  // namespace meshd::registry::consul
