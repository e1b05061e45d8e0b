// SPDX-License-Identifier: Apache-2.0
// What anybody of the group may send to the control socket: "METHOD TARGET", a line feed, and the body. Whatever it is, the
// answer is a JSON object, and the agent is asked only what has been checked.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include <boost/json.hpp>

#include "../unit/control/fake_agent.hpp"
#include "control/router.hpp"
#include "model/service_json.hpp"

namespace {

using namespace meshd;
namespace json = boost::json;

void require(bool holds) {
    if (!holds) std::abort();
}

http::Request request_of(std::string_view bytes) {
    const auto line = bytes.substr(0, bytes.find('\n'));
    const auto space = line.find(' ');
    http::Request request;
    request.method = line.substr(0, space);
    request.body = bytes.substr(std::min(bytes.size(), line.size() + 1));
    request.peer = http::Peer{1, 0, 0, {}};
    const auto target = space == std::string_view::npos ? std::nullopt : http::parse_target(line.substr(space + 1));
    if (target) {
        request.path = target->path;
        request.query = target->query;
    }
    return request;
}

void check_answer(const http::Response& response) {
    static const std::set<unsigned> statuses{200, 400, 404, 405};
    require(statuses.contains(response.status));
    const auto object = json::parse(response.body).as_object();  // throws when it is not JSON or not UTF-8
    require(object.contains("error") == (response.status != 200));
    if (response.status == 200) return;
    require(!object.at("error").at("message").as_string().empty());
    require(!object.at("error").at("remedy").as_string().empty() || response.status == 400);
    require(response.body.size() < 4096);
}

void check_agent(const control::FakeAgent& agent) {
    require(agent.calls.size() <= 1);
    std::set<std::string> names;
    for (const auto& service : agent.planned) {
        require(names.insert(service.name).second);
        const auto again = model::service_from_json(model::to_json(service));
        require(again.has_value() && *again == service);
    }
    if (agent.paused) {
        require(!agent.paused->service || model::is_service_name(*agent.paused->service));
        const auto duration = agent.paused->duration.value_or(std::chrono::seconds(1));
        require(duration >= std::chrono::seconds(1) && duration <= std::chrono::hours(24));
    }
    require(!agent.resumed || model::is_service_name(*agent.resumed));
    if (!agent.calls.empty() && agent.calls.front() == "explain") require(agent.explained.destination.port != 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    control::FakeAgent agent;
    control::Router router(agent, {0, {}});
    int answers = 0;
    router.handle(request_of({reinterpret_cast<const char*>(data), size}), [&](const http::Response& response) {
        ++answers;
        check_answer(response);
    });
    require(answers == 1);
    check_agent(agent);
    return 0;
}
