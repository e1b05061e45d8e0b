// SPDX-License-Identifier: Apache-2.0
// Orders the certificates of edge listeners that come from an authority by ACME, and renews them in time: one after the other,
// and later each time one fails. It writes files; tls::EdgeStore follows them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "acme/challenges.hpp"
#include "acme/memory.hpp"
#include "acme/order.hpp"
#include "base/unique_fd.hpp"
#include "model/acme.hpp"

namespace meshd::acme {

std::string called(const std::vector<std::string>& names);  // "shop.example.org, www.example.org"

// Everything on the thread of the loop.
class Issuer {
public:
    Issuer(boost::asio::io_context& io, Challenges::Show show, ClientOptions options = {});
    Issuer(const Issuer&) = delete;
    Issuer& operator=(const Issuer&) = delete;

    // `listeners`: with the files that model::place_acme() gave them.
    void follow(const std::optional<model::AcmeSettings>& settings, const model::EdgeListeners& listeners);
    // Where http-01 is answered, instead of before; empty: nowhere.
    void listen_http(std::vector<base::UniqueFd> sockets);

    struct State {
        std::string path;  // of its file
        std::vector<std::string> names;
        std::string from;         // URL of the authority's directory
        std::string problem;      // why the last order failed; empty: it did not
        Time next;                // when it is ordered
        bool is_ordered = false;  // now
        bool is_there = false;    // there was one at some time
    };
    [[nodiscard]] std::vector<State> states() const;
    [[nodiscard]] const State* find(const std::string& path) const;

    struct Counts {
        std::uint64_t issued = 0, failed = 0;
    };
    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] bool is_there() const { return settings_.has_value(); }

private:
    void add(const model::EdgeCertificate& certificate);
    void load(State& item);
    void drop_order();
    void step();
    void step_after(Time::duration time);
    base::Result<bool> prepare();
    void begin(State& item);
    void finish(const std::string& path, tl::expected<tls::Validity, Trouble> outcome);
    void note_issued(State& item, const tls::Validity& validity);
    void note_failed(State& item, const Trouble& trouble);
    void save() const;
    double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

    boost::asio::io_context& io_;
    ClientOptions options_;
    boost::asio::steady_timer timer_;
    Challenges challenges_;
    std::optional<model::AcmeSettings> settings_;
    std::vector<State> items_;
    std::string storage_problem_;
    base::UniqueFd lock_;  // of the storage; none: it is not used yet
    std::optional<Memory> memory_;
    Counts counts_;
    std::mt19937_64 random_{std::random_device{}()};
    std::unique_ptr<Order> order_;  // null: none is under way
};

}  // namespace meshd::acme
