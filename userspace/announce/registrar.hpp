// SPDX-License-Identifier: Apache-2.0
// Brings one registry to know of this host's services what it is to know, one request after the other, and again after a while
// when it does not answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "announce/book.hpp"
#include "announce/protocol.hpp"
#include "registry/backoff.hpp"

namespace meshd::announce {

class Registrar {
public:
    // `changed`: something of what is shown below has; called from the loop.
    Registrar(boost::asio::io_context& io, std::string name, std::unique_ptr<Protocol> protocol, std::function<void()> changed);
    Registrar(const Registrar&) = delete;
    Registrar& operator=(const Registrar&) = delete;

    void want(const std::string& id, Wanted wanted, bool may_be_known);
    void drop(const std::string& id);
    // Withdraws everything; `gone` is called from the loop when that is done.
    void leave(std::function<void()> gone);
    // The same registry, reached in another way. What is under way is done again.
    void use(std::unique_ptr<Protocol> protocol);

    [[nodiscard]] bool is_empty() const { return book_.empty() && !step_; }
    // Why the registry does not take it, or takes nothing at all; empty: it does.
    [[nodiscard]] std::string error(const std::string& id) const { return error_.empty() ? book_.error(id) : error_; }
    [[nodiscard]] bool is_announced(const std::string& id) const { return book_.is_announced(id); }
    [[nodiscard]] std::uint64_t failures() const { return failures_; }

private:
    void go_on();
    void go_on_at(Book::Clock::time_point when);
    void take(const Step& step, const Protocol::Outcome& outcome);
    void fail(const Step& step, const Problem& problem, Book::Clock::time_point now);
    double chance() { return std::uniform_real_distribution<>()(random_); }

    std::string name_;
    Book book_;
    std::function<void()> changed_;
    std::function<void()> gone_;
    boost::asio::steady_timer timer_;
    std::mt19937 random_{std::random_device{}()};
    std::optional<Step> step_;  // that is under way
    Book::Clock::time_point retry_at_;
    registry::Backoff backoff_;
    std::string error_;
    std::uint64_t failures_ = 0;
    std::unique_ptr<Protocol> protocol_;  // its answers use the rest
};

}  // namespace meshd::announce
