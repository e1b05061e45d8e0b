// SPDX-License-Identifier: Apache-2.0
// Consul's blocking queries: each is asked again as soon as it is answered, and is answered when something has changed. The first
// question, and each after which nothing is known any more, does not wait: it is a look.
//
// Over HTTP/1.1 each query that is held takes a connection, and Consul gives a client address 200 of them
// (limits.http_max_conns_per_client), which other programs of this node need as well. So at most `most_held` are held; when there
// are more, they take turns of such a length that each is asked within `round`. Over HTTP/2 they share connections and all are
// held. None is given up to make room: Consul would count its connection until the query's time is over.
//
// After a connection has failed nothing is known of what was missed, and a server that has lost its data counts its index from
// the beginning: everything is looked at anew.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "registry/backoff.hpp"
#include "registry/consul/requests.hpp"
#include "web/async_client.hpp"

namespace meshd::registry::consul {

struct Times {
    std::chrono::milliseconds wait{30'000};    // a query is held for so long at most
    std::chrono::milliseconds round{10'000};   // within which each has its turn
    std::chrono::milliseconds gap{50};         // between an answer and the next question: changes come in bursts
    std::chrono::milliseconds blind{2'000};    // the same for a server that gives no index
    std::chrono::milliseconds answer{15'000};  // of a query that is not held, and beyond the time of one that is
    std::size_t most_looks = 16;               // at once
    std::size_t most_held = 64;
    std::size_t most_sharing = 1024;  // the same over HTTP/2
};

class BlockingQueries {
public:
    enum class Next { again, rest };  // rest: until ask()

    struct Query {
        std::string path;
        std::string datacenter{};               // empty: the registry's
        bool has_turns = false;                 // else it is always held
        std::string if_missing{};               // what status 404 means; empty: an error
        std::chrono::milliseconds interval{0};  // it has no index, and is asked so often. 0: it has one
        std::function<base::Result<Next>(const std::string& body)> take;
    };
    struct Handlers {
        std::function<void()> answered;  // all is known of what the server says now; after each answer
        std::function<void(Failure, const base::Error&)> failed;
    };

    BlockingQueries(boost::asio::io_context& io, web::AsyncClient& client, const model::ConsulRegistry& registry,
                    Handlers handlers, Times times = {});
    BlockingQueries(const BlockingQueries&) = delete;
    BlockingQueries& operator=(const BlockingQueries&) = delete;
    ~BlockingQueries();

    // All of these may be called while an answer is taken.
    void set(const std::string& id, Query query);  // a new one is asked
    void drop(const std::string& id);
    void ask(const std::string& id);  // anew and whole, at once
    void ask_all();
    void hurry(const std::string& id);  // it may have changed: its turn comes next

    [[nodiscard]] bool has(const std::string& id) const { return asked_.contains(id); }
    [[nodiscard]] bool all_known() const { return unknown_ == 0; }
    [[nodiscard]] bool take_turns() const;

private:
    struct Asked;
    using AskedPtr = std::shared_ptr<Asked>;
    using Answer = tl::expected<web::AsyncResponse, web::AsyncError>;
    struct Line {  // of those with turns
        std::deque<std::weak_ptr<Asked>> waiting;
        std::size_t running = 0;
    };

    enum class Kind { look, hold };

    void queue(const AskedPtr& asked, Kind kind);
    void queue_after(const AskedPtr& asked, std::chrono::milliseconds time);
    void pump();
    void pump(Kind kind);
    void begin(const AskedPtr& asked, Kind kind);
    void on_answer(const AskedPtr& asked, Kind kind, std::uint64_t sent, const Answer& answer);
    void take(const AskedPtr& asked, Kind kind, std::uint64_t sent, std::uint64_t index, const std::string& body);
    void taken(const AskedPtr& asked, std::uint64_t index);
    void fail_one(const AskedPtr& asked, Failure kind, const base::Error& error);
    void fail_all(const AskedPtr& failed, Failure kind, const base::Error& error);
    void try_again();
    void resume(const AskedPtr& probe);
    void end(Asked& asked, Kind kind);
    void forget(Asked& asked);
    [[nodiscard]] std::size_t active() const;
    [[nodiscard]] std::size_t most(Kind kind) const;
    [[nodiscard]] std::chrono::milliseconds turn();
    [[nodiscard]] double chance() { return std::uniform_real_distribution<>()(random_); }

    boost::asio::io_context& io_;
    web::AsyncClient& client_;
    const model::ConsulRegistry& registry_;
    Handlers handlers_;
    Times times_;
    std::map<std::string, AskedPtr> asked_;
    Line lines_[2];  // by Kind
    std::size_t unknown_ = 0;
    std::weak_ptr<Asked> probe_;
    bool shares_ = false;   // over HTTP/2
    bool is_down_ = false;  // one query alone is tried, at growing intervals
    Backoff backoff_;
    boost::asio::steady_timer retry_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    std::mt19937 random_{std::random_device{}()};
};

}  // namespace meshd::registry::consul
