// SPDX-License-Identifier: Apache-2.0
// Backends from records of DNS: A and AAAA of a host, or SRV and the addresses of their targets. Every question is asked again
// when its answer has lived its time, and an answer stays until there is another: a server that fails takes nothing away.
#pragma once

#include <chrono>
#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "model/registries.hpp"
#include "registry/backoff.hpp"
#include "registry/dns/answer.hpp"
#include "registry/dns/resolver.hpp"
#include "registry/intake.hpp"
#include "registry/source.hpp"

namespace meshd::registry::dns {

class DnsSource : public Source {
public:
    DnsSource(boost::asio::io_context& io, model::DnsSettings settings, Intake& intake);

    void start() override;
    void sync() override;
    void want(const std::set<model::BackendsFrom>& queries) override;

private:
    using Clock = std::chrono::steady_clock;

    struct Question {
        std::string name;
        RecordType type = RecordType::a;
        auto operator<=>(const Question&) const = default;
    };
    struct State {
        std::optional<Answer> last;
        std::optional<LookupError> error;  // that came instead of an answer
        Clock::time_point due = Clock::now();
        std::uint64_t asking = 0;  // number of the question under way; 0: none is
        bool again = false;        // it is to be asked again as soon as it has been answered
        Backoff backoff;
        [[nodiscard]] bool is_settled() const { return last || error; }
    };

    [[nodiscard]] std::set<Question> needed() const;
    void update_questions();
    void ask_due();
    void ask(const Question& question, State& state);
    void on_reply(const Question& question, std::uint64_t number, tl::expected<Answer, LookupError> reply);
    [[nodiscard]] Clock::duration lifetime(std::chrono::seconds ttl);
    void report();
    [[nodiscard]] std::set<Question> questions_of(const model::BackendsFrom& query) const;
    [[nodiscard]] std::optional<std::vector<model::Backend>> backends_from(const model::BackendsFrom& query) const;
    [[nodiscard]] std::vector<base::IpAddress> addresses_of(const std::string& host) const;
    [[nodiscard]] double chance() { return std::uniform_real_distribution<>()(random_); }

    boost::asio::io_context& io_;
    model::DnsSettings settings_;
    Intake& intake_;
    std::mt19937 random_{std::random_device{}()};
    std::unique_ptr<Resolver> resolver_;
    boost::asio::steady_timer timer_;
    bool is_started_ = false;

    std::set<model::BackendsFrom> wanted_;
    std::map<Question, State> questions_;
    std::size_t under_way_ = 0;
    std::uint64_t last_number_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace meshd::registry::dns
