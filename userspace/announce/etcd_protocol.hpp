// SPDX-License-Identifier: Apache-2.0
// Services of this host in etcd: a key each, with a lease of its own, so that each has its own time to live, one request
// withdraws it for certain, and a lease that is lost concerns one service.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "announce/protocol.hpp"
#include "model/registries.hpp"
#include "registry/etcd/answers.hpp"
#include "web/async_client.hpp"

namespace meshd::announce {

class EtcdProtocol : public Protocol {
public:
    EtcdProtocol(web::AsyncClient& client, model::EtcdRegistry registry) : client_(client), registry_(std::move(registry)) {}

    void perform(const Step& step, Done done) override;

private:
    struct Lease {
        std::string id;
        std::chrono::milliseconds ttl{0};
        std::string value;  // that was put with it; empty: none yet
    };
    using OnText = std::function<void(const std::string& body)>;
    // A complaint that is as good as an answer: true.
    using Expected = std::function<bool(const registry::etcd::Complaint& complaint)>;
    struct Question {
        std::string path;
        std::string body;
        OnText then;
        Expected expected;
    };

    void announce();
    void grant();
    void look();
    void put();
    void renew();
    void withdraw();
    [[nodiscard]] std::string key() const;

    void ask(Question question);
    void authenticate(Question question);
    void send(Question question);
    void take(Question question, const tl::expected<web::AsyncResponse, web::AsyncError>& answer);
    void complain(Question question, const registry::etcd::Complaint& complaint);
    void fail(Problem::Kind kind, std::string why, std::string remedy = {});
    void cannot_read(base::Error error);
    void end(Outcome outcome);
    [[nodiscard]] const std::string& endpoint() const { return registry_.endpoints[endpoint_]; }

    web::AsyncClient& client_;
    model::EtcdRegistry registry_;
    std::map<std::string, Lease> leases_;  // by the id of the announcement
    std::size_t endpoint_ = 0;
    std::string token_;
    bool no_users_ = false;  // etcd does not ask for tokens, whatever the settings say
    Step step_;              // that is under way
    int tries_ = 0;          // of it, that began anew
    Done done_;
    std::unique_ptr<web::Pending> pending_;
};

}  // namespace meshd::announce
