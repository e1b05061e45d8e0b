// SPDX-License-Identifier: Apache-2.0
// Random rules and questions from a small world, so that prefixes overlap, workloads nest and rules meet.
#pragma once

#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "policy/compile.hpp"
#include "policy/question.hpp"

namespace meshd::policy {

class RandomPolicy {
public:
    explicit RandomPolicy(unsigned seed) : engine_(seed) {}

    Source source() {
        Source result;
        const auto count = draw(40);
        for (std::size_t i = 0; i < count; ++i) {
            model::Rule rule;
            rule.name = "rule" + std::to_string(i);
            rule.source = "file:test";
            rule.action = draw(2) == 0 ? model::Action::allow : model::Action::deny;
            const auto from = draw(3);
            if (from == 1) rule.from = prefix();
            if (from == 2) rule.workload = pick(workloads());
            const auto to = draw(3);
            if (to == 1) rule.to = prefix();
            if (to == 2) rule.service = pick(std::vector<std::string>{"web", "db", "absent"});
            if (draw(2) == 0) rule.port = pick(ports());
            if (draw(2) == 0) rule.protocol = draw(2) == 0 ? base::Protocol::tcp : base::Protocol::udp;
            result.rules.push_back(std::move(rule));
        }
        result.otherwise = draw(2) == 0 ? model::Action::allow : model::Action::deny;
        return result;
    }

    Surroundings surroundings() {
        Surroundings here;
        here.services["web"] = {endpoint("10.1.0.1", 80), endpoint("fd00::1", 80)};
        here.services["db"] = {endpoint("10.1.2.1", 5432)};
        std::uint64_t id = 100;
        for (const auto& path : workloads()) here.workloads[path] = ++id;
        const auto count = draw(3);
        for (std::size_t i = 0; i < count; ++i) {
            here.local_v4.push_back(base::Prefix::of(v4()));
            here.local_v6.push_back(base::Prefix::of(v6()));
        }
        here.netns = 7;
        return here;
    }

    struct Asked {
        Question question;
        bool bound = false;    // to the address in question.addresses
        bool foreign = false;  // an unbound socket of another network namespace
        // What the application named, when that is another address than the one it reaches.
        std::optional<base::IpAddress> written = std::nullopt;
    };

    Asked question(const Surroundings& here) {
        Asked asked;
        auto& question = asked.question;
        const bool of_v4 = draw(2) == 0;
        question.destination = of_v4 ? v4() : v6();
        question.port = pick(ports());
        question.protocol = draw(2) == 0 ? base::Protocol::tcp : base::Protocol::udp;
        if (draw(2) == 0) {
            const auto& [name, endpoints] = *std::next(here.services.begin(), static_cast<int>(draw(here.services.size())));
            const auto address = reconcile::decode(pick(endpoints));
            question.service = name;
            question.destination = address.address;
            question.port = address.port;
            question.protocol = base::Protocol::tcp;
        } else {
            for (const auto& [name, endpoints] : here.services)
                for (const auto& one : endpoints)
                    if (reconcile::same_bytes(
                            one, reconcile::encode(base::SocketAddress{question.destination, question.port}, question.protocol)))
                        question.service = name;
        }
        const bool to_v4 = question.destination.is_v4();
        if (draw(2) == 0) question.workload = pick(workloads()) + (draw(2) == 0 ? "/below" : "");
        const auto kind = draw(3);
        asked.bound = kind == 0;
        asked.foreign = kind == 2;
        if (asked.bound)
            question.addresses = {base::Prefix::of(to_v4 ? v4() : v6())};
        else if (asked.foreign)
            question.addresses = to_v4 ? Surroundings::unknown_v4() : Surroundings::unknown_v6();
        else
            question.addresses = to_v4 ? here.local_v4 : here.local_v6;
        return asked;
    }

    // To 0.0.0.0 or ::, from a socket of either family.
    Asked unspecified_question(const Surroundings& here) {
        auto asked = question(here);
        auto& question = asked.question;
        asked.written = *base::IpAddress::parse(draw(2) == 0 ? "0.0.0.0" : "::");
        asked.bound = draw(2) == 0;
        std::optional<base::IpAddress> bound;
        if (asked.bound) bound = draw(2) == 0 ? v4() : v6();
        question.destination = real_destination(*asked.written, bound);
        question.service.clear();
        question.addresses = {base::Prefix::of(bound ? *bound : question.destination)};
        return asked;
    }

    // What the program is asked for the same: see md_ask_policy.
    static md_ask_policy encode(const Asked& asked, const Surroundings& here) {
        md_ask_policy query{};
        const auto to = asked.written.value_or(asked.question.destination);
        query.destination = reconcile::encode(base::SocketAddress{to, asked.question.port}, asked.question.protocol);
        if (asked.bound)
            std::memcpy(query.source.bytes, asked.question.addresses.front().address.bytes.data(), sizeof query.source.bytes);
        query.foreign = asked.foreign ? 1 : 0;
        std::size_t count = 0;
        for (auto path = asked.question.workload; path.size() > 1; path.resize(path.rfind('/')))
            if (const auto found = here.workloads.find(path); found != here.workloads.end())
                query.cgroups[count++] = found->second;
        return query;
    }

    std::size_t draw(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(engine_); }

private:
    static std::vector<std::string> workloads() { return {"/a", "/a/b", "/a/b/c", "/ab", "/d"}; }
    static std::vector<std::uint16_t> ports() { return {80, 443, 5432}; }
    static md_endpoint endpoint(const char* address, std::uint16_t port) {
        return reconcile::encode(base::SocketAddress{*base::IpAddress::parse(address), port}, base::Protocol::tcp);
    }

    template <typename T>
    T pick(const std::vector<T>& from) {
        return from[draw(from.size())];
    }

    base::IpAddress v4() {
        return *base::IpAddress::parse("10." + std::to_string(draw(3)) + "." + std::to_string(draw(4)) + "." +
                                       std::to_string(draw(4)));
    }
    base::IpAddress v6() { return *base::IpAddress::parse("fd00:" + std::to_string(draw(3)) + "::" + std::to_string(draw(4))); }
    base::Prefix prefix() {
        if (draw(4) == 0)
            return *base::Prefix::parse_loosely(v6().text() + "/" + std::to_string(std::vector{0, 8, 17, 32, 126, 128}[draw(6)]));
        if (draw(8) == 0) return *base::Prefix::parse(draw(2) == 0 ? "127.0.0.0/8" : "::1");
        return *base::Prefix::parse_loosely(v4().text() + "/" +
                                            std::to_string(std::vector{0, 8, 15, 16, 23, 24, 30, 31, 32}[draw(9)]));
    }

    std::mt19937 engine_;
};

}  // namespace meshd::policy
