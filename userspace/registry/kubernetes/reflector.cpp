// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/reflector.hpp"

#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "http/message.hpp"
#include "registry/kubernetes/objects.hpp"
#include "registry/kubernetes/status.hpp"
#include "registry/web_failure.hpp"

namespace meshd::registry::kubernetes {

using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

constexpr auto list_timeout = 120s;  // of one page
constexpr auto list_silence = 30s;
// The server ends a watch after so long, up to twice that, so that not all nodes come at once.
constexpr auto least_watch = 240s;
// A bookmark comes about once a minute; a watch that is silent for longer may have lost its server.
constexpr auto watch_silence = 90s;
constexpr auto missing_wait = 60s;   // up to a quarter more
constexpr auto shortest_watch = 1s;  // one that ends earlier and said nothing is a reason to wait

}  // namespace

Reflector::Reflector(boost::asio::io_context& io, web::AsyncClient& client, Credentials& credentials, Resource resource,
                     Handlers handlers)
    : client_(client), credentials_(credentials), resource_(std::move(resource)), handlers_(std::move(handlers)), timer_(io) {}

std::string Reflector::where() const { return server_ + resource_.paths[path_]; }

// ---- Lists ----

void Reflector::list() {
    if (phase_ == Phase::listing) return;
    in_pages_ = true;
    paths_missing_ = 0;
    end_list();  // of what was under way
    ask_for_list();
}

void Reflector::end_list() {
    pending_.reset();
    timer_.cancel();
    continue_.clear();
}

void Reflector::ask_for_list() {
    phase_ = Phase::listing;
    items_ = {};
    auto query = std::string(in_pages_ ? "limit=500" : "");
    if (!continue_.empty()) query += "&continue=" + http::percent_encode(continue_);
    if (continue_.empty()) handlers_.begin_list();
    request(
        query, list_timeout, list_silence,
        [this](std::string_view piece) {
            return items_.feed(piece, [this](std::string_view item) { return with_object(item, handlers_.put); });
        },
        &Reflector::take_list);
}

void Reflector::take_list(const Answer& answer) {
    pending_.reset();
    if (broken_) return fail(Failure::malformed, *broken_);
    if (!answer) return fail(failure_of(answer.error().kind), answer.error().error);
    if (answer->status == 404 && ++paths_missing_ < resource_.paths.size()) {
        path_ = (path_ + 1) % resource_.paths.size();
        end_list();
        return ask_for_list();
    }
    // The server keeps a list for its pages for some minutes only; the whole of it at once cannot grow old.
    if (answer->status == 410 && in_pages_) {
        in_pages_ = false;
        end_list();
        return ask_for_list();
    }
    if (answer->status == 404 && resource_.may_be_missing) return take_missing();
    if (answer->status != 200) return refused(*answer);
    std::string version;
    const auto read = with_object(items_.frame(), [&](const json::object& frame) {
        version = version_of(frame);
        continue_ = continue_of(frame);
    });
    if (!read) return fail(Failure::malformed, read.error());
    if (!continue_.empty()) return ask_for_list();
    if (version.empty()) return fail(Failure::malformed, {"read", "its answer", 0, "the list has no resourceVersion", {}});
    version_ = std::move(version);
    backoff_.reset();
    is_failing_ = false;
    missing_since_.reset();
    was_listed_ = true;
    watch();
    handlers_.listed();
}

// A server that is starting may not know yet what it serves.
void Reflector::take_missing() {
    end_list();
    backoff_.reset();
    is_failing_ = false;
    const auto now = Clock::now();
    const bool is_certain = !was_listed_ || (missing_since_ && now - *missing_since_ >= missing_wait);
    if (!missing_since_) missing_since_ = was_listed_ ? now : now - missing_wait;
    was_listed_ = true;
    const auto wait = std::chrono::duration<double>(missing_wait) * (1 + chance() / 4);
    after(std::chrono::duration_cast<std::chrono::milliseconds>(wait), &Reflector::list);
    handlers_.missing();
    if (is_certain) handlers_.listed();
}

// ---- Watches ----

void Reflector::watch() {
    phase_ = Phase::watching;
    lines_ = {};
    is_expired_ = false;
    said_something_ = false;
    const auto time = std::chrono::seconds(static_cast<long>(static_cast<double>(least_watch.count()) * (1 + chance())));
    request(
        fmt::format("watch=true&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}", time.count(),
                    http::percent_encode(version_)),
        time + list_silence, watch_silence,
        [this](std::string_view piece) {
            auto taken = lines_.feed(piece, [this](std::string_view line) { return take_event(line); });
            if (taken) handlers_.settled();
            return taken;
        },
        &Reflector::take_watch);
}

base::Result<void> Reflector::take_event(std::string_view line) {
    std::optional<base::Error> error;
    const auto read = with_object(line, [&](const json::object& event) {
        const auto [type, object] = event_of(event);
        if (object == nullptr) {
            error = {"read", "an event of " + resource_.name, 0, "it has no type or no object", {}};
        } else if (type == "ERROR") {
            const auto status = status_of(*object);
            is_expired_ = status.code == 410;
            error = {"watch", resource_.name, 0, status.text(), {}};
        } else {
            said_something_ = true;
            if (type == "ADDED" || type == "MODIFIED") handlers_.put(*object);
            if (type == "DELETED") handlers_.remove(*object);
            if (auto version = version_of(*object); !version.empty()) version_ = std::move(version);
        }
    });
    if (!read) return read;
    if (error) return base::fail(*error);
    return {};
}

void Reflector::take_watch(const Answer& answer) {
    pending_.reset();
    const auto lasted = Clock::now() - asked_;
    const bool said_something = std::exchange(said_something_, false);
    if (said_something) backoff_.reset();
    // It is usual for a version to be too old; what was missed is in a new list.
    if (is_expired_ || (answer && answer->status == 410))
        return after(said_something ? 0ms : backoff_.next(chance()), &Reflector::list);
    if (answer && answer->status == 404 && resource_.may_be_missing) return after(backoff_.next(chance()), &Reflector::list);
    if (broken_) return fail(Failure::malformed, *broken_);
    const bool was_silent = !answer && answer.error().kind == web::AsyncError::Kind::timeout && lasted >= watch_silence;
    if (!answer && !was_silent) return fail(failure_of(answer.error().kind), answer.error().error);
    if (answer && answer->status != 200) return refused(*answer);
    if (answer) handlers_.settled();
    after(said_something || lasted >= shortest_watch ? 0ms : backoff_.next(chance()), &Reflector::watch);
}

// ---- Requests and their failures ----

void Reflector::request(const std::string& query, std::chrono::milliseconds timeout, std::chrono::milliseconds silence,
                        std::function<base::Result<void>(std::string_view)> piece, void (Reflector::*done)(const Answer&)) {
    broken_.reset();
    asked_ = Clock::now();
    auto access = credentials_.current();
    if (!access) return fail(Failure::settings, access.error());
    server_ = access->url;
    token_from_ = access->token_from;
    web::AsyncRequest request;
    request.url = where() + "?" + query + (resource_.query.empty() ? "" : "&" + resource_.query);
    request.headers["Accept"] = phase_ == Phase::listing ? resource_.list_accept : resource_.watch_accept;
    if (!access->token.empty()) request.headers["Authorization"] = "Bearer " + access->token;
    request.tls = access->tls;
    request.timeout = timeout;
    request.silence = silence;
    request.stream = [this, piece = std::move(piece)](std::string_view bytes) {
        const auto taken = piece(bytes);
        if (!taken) broken_ = taken.error();
        return taken.has_value();
    };
    pending_ = client_.start(std::move(request), [this, done](const Answer& answer) { (this->*done)(answer); });
}

void Reflector::after(std::chrono::milliseconds wait, void (Reflector::*then)()) {
    phase_ = Phase::waiting;
    timer_.expires_after(wait);
    timer_.async_wait([this, then](boost::system::error_code ec) {
        if (!ec) (this->*then)();
    });
}

void Reflector::refused(const web::AsyncResponse& response) {
    const auto refusal = refusal_of(response, {resource_.name, resource_.group, token_from_});
    fail(refusal.kind, refusal.error, refusal.least_wait);
}

void Reflector::fail(Failure kind, const base::Error& why, std::chrono::milliseconds least_wait) {
    is_failing_ = true;
    end_list();
    after(std::max(least_wait, backoff_.next(chance())), &Reflector::list);
    auto error = why;
    if (kind != Failure::settings || error.operation == "ask") {
        // Without the query, which would make another error of each attempt.
        error.operation = "follow " + resource_.name + " at";
        error.object = where();
    }
    if (kind == Failure::untrusted)
        error.remedy =
            "\"certificate-authority\" of the kubeconfig must be what signed the server's certificate, and its \"server\" a name "
            "or an address that the certificate has";
    handlers_.failed(kind, error);
}

}  // namespace meshd::registry::kubernetes
