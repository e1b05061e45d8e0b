// SPDX-License-Identifier: Apache-2.0
// Registry files in the keys of etcd, and backends that hosts announce there: all keys of a prefix are read at one revision, then
// followed from the next one on.
//
// One endpoint is used at a time, the next one when it fails. A watch says nothing while nothing changes, so the endpoint is
// asked at an interval how many keys there are: that finds a server that is gone, a member without a leader, and a watch that has
// lost events. Whatever ends a watch, everything is read again and compared.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "model/registries.hpp"
#include "registry/backoff.hpp"
#include "registry/etcd/announced.hpp"
#include "registry/etcd/answers.hpp"
#include "registry/etcd/object_stream.hpp"
#include "registry/intake.hpp"
#include "registry/source.hpp"
#include "registry/units.hpp"
#include "web/async_client.hpp"

namespace meshd::registry::etcd {

struct EtcdTimes {
    std::chrono::milliseconds check{5'000};      // between two questions whether all is well
    std::chrono::milliseconds answer{5'000};     // within which an answer other than a page of keys has to come
    std::chrono::milliseconds page{30'000};      // within which a page has to
    std::chrono::milliseconds silence{720'000};  // of a watch; etcd tells of its progress every ten minutes
};

class EtcdSource : public Source {
public:
    EtcdSource(boost::asio::io_context& io, web::AsyncClient& client, model::EtcdRegistry settings, Intake& intake,
               EtcdTimes times = {});

    void start() override;
    void sync() override;
    void want(const std::set<model::BackendsFrom>& queries) override { announced_.want(queries); }

private:
    enum class State {
        idle,     // not started
        waiting,  // for the next attempt
        reading,  // a token, then the keys
        watching,
    };
    using Answer = tl::expected<web::AsyncResponse, web::AsyncError>;
    using OnText = void (EtcdSource::*)(const std::string& body);

    void connect();
    void authenticate();
    void on_token(const std::string& body);
    void read_from(std::string first);
    void on_page(const std::string& body);
    void watch();
    bool on_piece(std::string_view piece);
    bool on_watched(const Watched& watched);
    void on_watch_ended(const Answer& answer);
    void check();
    void on_count(const std::string& body);

    // In asking.cpp.
    [[nodiscard]] web::AsyncRequest request(const std::string& path, std::string body, std::chrono::milliseconds timeout) const;
    std::unique_ptr<web::Pending> ask(const std::string& path, std::string body, std::chrono::milliseconds timeout, OnText then);
    void on_complaint(const Complaint& complaint);
    void begin_anew(const std::string& why);
    void ask_for_less();
    void on_error(const web::AsyncError& error);
    void fail(Failure kind, std::string operation, std::string why, std::string remedy = {});
    void fail(Failure kind, const base::Error& error);
    void cannot_read(base::Error error);
    void hang_up();
    void after(std::chrono::milliseconds time, void (EtcdSource::*then)());
    void check_later();
    [[nodiscard]] std::size_t keys() const { return units_.size() + announced_.size(); }
    [[nodiscard]] const std::string& endpoint() const { return settings_.endpoints[endpoint_]; }
    [[nodiscard]] double chance() { return std::uniform_real_distribution<>()(random_); }

    web::AsyncClient& client_;
    model::EtcdRegistry settings_;
    Intake& intake_;
    EtcdTimes times_;
    Units units_;
    Announced announced_;
    boost::asio::steady_timer timer_;  // of the next attempt or the next check
    std::mt19937 random_{std::random_device{}()};

    State state_ = State::idle;
    std::size_t endpoint_ = 0;
    Backoff backoff_;
    std::string token_;
    bool token_is_fresh_ = false;  // of this attempt: asking for another would not help
    bool no_users_ = false;        // etcd does not ask for tokens, whatever the settings say
    int restarts_ = 0;             // at once, since all was well

    std::map<std::string, std::string> texts_;  // of the range that is being read
    std::int64_t revision_ = 0;                 // up to which everything is known
    int page_ = 0;                              // keys that are asked for at a time
    int largest_page_ = 1024;
    bool again_ = false;    // sync() came while it was being read
    bool created_ = false;  // etcd has confirmed the watch
    int behind_ = 0;        // checks in a row that found another number of keys than the watch has told
    std::shared_ptr<ObjectStream> stream_;

    std::unique_ptr<web::Pending> question_;
    std::unique_ptr<web::Pending> watch_;
    std::shared_ptr<int> turn_ = std::make_shared<int>(0);  // of the timer: a handler of an earlier one does nothing
};

}  // namespace meshd::registry::etcd
