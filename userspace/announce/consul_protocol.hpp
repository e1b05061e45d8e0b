// SPDX-License-Identifier: Apache-2.0
// Services of this host in Consul: registered at its agent with a check that has a TTL, and in maintenance while they drain.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "announce/protocol.hpp"
#include "model/registries.hpp"
#include "web/async_client.hpp"

namespace meshd::announce {

class ConsulProtocol : public Protocol {
public:
    ConsulProtocol(web::AsyncClient& client, model::ConsulRegistry registry) : client_(client), registry_(std::move(registry)) {}

    void perform(const Step& step, Done done) override;

private:
    struct Request {
        std::string path;  // with its query
        std::string body;
        bool may_be_unknown = false;  // to Consul: then it is as it should be
    };

    void announce(const Wanted& wanted);
    void send_next();
    void take(const Request& request, const tl::expected<web::AsyncResponse, web::AsyncError>& answer);
    void end(Outcome outcome);

    web::AsyncClient& client_;
    model::ConsulRegistry registry_;
    std::map<std::string, bool> drained_;  // by id: what Consul was told last
    std::deque<Request> requests_;         // of what is under way
    Done done_;
    std::unique_ptr<web::Pending> pending_;
};

}  // namespace meshd::announce
