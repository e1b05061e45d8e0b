// SPDX-License-Identifier: Apache-2.0
// Keeps up with one kind of object on the API server: lists it, then watches from there; lists again after every failure, when
// the server has forgotten where the watch was, and when it is asked to.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "registry/backoff.hpp"
#include "registry/intake.hpp"
#include "registry/kubernetes/credentials.hpp"
#include "registry/kubernetes/stream.hpp"
#include "web/async_client.hpp"

namespace meshd::registry::kubernetes {

struct Resource {
    std::string name;                // "services", for people and as RBAC has it
    std::string group;               // of its API, empty for the core
    std::vector<std::string> paths;  // in the order in which they are tried: a server need not have all versions of an API
    std::string query;               // selectors, may be empty: "labelSelector=a"
    std::string list_accept = "application/json";  // the form of the answer
    std::string watch_accept = "application/json";
    bool may_be_missing = false;  // a server need not have it: then it is asked for now and then
};

class Reflector {
public:
    struct Handlers {
        std::function<void()> begin_list;
        std::function<void(const boost::json::object&)> put;  // an object of a list, or one that was added or has changed
        std::function<void(const boost::json::object&)> remove;
        std::function<void()> listed;   // all of the list was put
        std::function<void()> settled;  // the watch has spoken, and what it said was put and removed
        std::function<void(Failure, const base::Error&)> failed;
        std::function<void()> missing{};  // the server does not have the resource; it may have said so wrongly: see below
    };

    Reflector(boost::asio::io_context& io, web::AsyncClient& client, Credentials& credentials, Resource resource,
              Handlers handlers);
    Reflector(const Reflector&) = delete;
    Reflector& operator=(const Reflector&) = delete;

    // Lists now, whatever is under way; nothing when a list is. A resource that is missing has an empty list, but not at once
    // after it was there.
    void list();

    [[nodiscard]] bool is_listing() const { return phase_ == Phase::listing; }
    [[nodiscard]] bool is_failing() const { return is_failing_; }
    [[nodiscard]] bool was_listed() const { return was_listed_; }

private:
    using Clock = std::chrono::steady_clock;
    enum class Phase : std::uint8_t { idle, listing, watching, waiting };
    using Answer = tl::expected<web::AsyncResponse, web::AsyncError>;

    void ask_for_list();
    void take_list(const Answer& answer);
    void end_list();
    void take_missing();
    void watch();
    base::Result<void> take_event(std::string_view line);
    void take_watch(const Answer& answer);
    void request(const std::string& query, std::chrono::milliseconds timeout, std::chrono::milliseconds silence,
                 std::function<base::Result<void>(std::string_view)> piece, void (Reflector::*done)(const Answer&));
    void after(std::chrono::milliseconds wait, void (Reflector::*then)());
    void fail(Failure kind, const base::Error& why, std::chrono::milliseconds least_wait = {});
    void refused(const web::AsyncResponse& response);
    [[nodiscard]] double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }
    [[nodiscard]] std::string where() const;  // the URL of what is asked for

    web::AsyncClient& client_;
    Credentials& credentials_;
    Resource resource_;
    Handlers handlers_;
    boost::asio::steady_timer timer_;
    std::minstd_rand random_{std::random_device{}()};
    Backoff backoff_;

    Phase phase_ = Phase::idle;
    bool is_failing_ = false;
    bool was_listed_ = false;
    std::optional<Clock::time_point> missing_since_;  // the last answers said so
    std::string server_, token_from_;                 // of the last request
    std::size_t path_ = 0;                            // of resource_.paths
    std::size_t paths_missing_ = 0;                   // tried one after the other without success
    bool in_pages_ = true;
    std::string continue_;  // of the next page
    std::string version_;   // that the view is of
    ListItems items_;
    Lines lines_;
    std::optional<base::Error> broken_;  // what in the body of the answer cannot be taken
    bool is_expired_ = false;            // the watch cannot go on from version_
    bool said_something_ = false;        // the watch
    Clock::time_point asked_;
    std::unique_ptr<web::Pending> pending_;
};

}  // namespace meshd::registry::kubernetes
