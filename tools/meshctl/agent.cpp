// SPDX-License-Identifier: Apache-2.0
#include "agent.hpp"

#include <cerrno>

#include <fmt/format.h>

namespace meshd::meshctl {

namespace {

constexpr std::string_view start_it = "is meshd running? start it with `systemctl start meshd`, or name its socket with --socket";

Failure not_reachable(base::Error error) {
    std::string_view remedy = start_it;
    if (error.code == EACCES || error.code == EPERM) remedy = "run as root, or join the group meshd and log in again";
    if (error.code == ETIMEDOUT) remedy = "the agent is there but does not answer; see `journalctl -u meshd`";
    if (error.code == EPROTO) remedy = "this is not the control socket of meshd; name it with --socket";
    if (error.code == ENAMETOOLONG) remedy = error.remedy;
    error.remedy.clear();
    return {ExitCode::not_reachable, error.message(), std::string(remedy), {}};
}

}  // namespace

Result<json::object> Agent::ask(std::string_view method, std::string_view target, std::string body) const {
    const auto response = client_.request(method, target, std::move(body));
    if (!response) return tl::make_unexpected(not_reachable(response.error()));

    json::error_code error;
    auto value = json::parse(response->body, error);
    if (error || !value.is_object()) {
        // Only what stands before the agent's own handlers answers in plain text: one line.
        const auto line = response->body.substr(0, response->body.find('\n'));
        return fail(ExitCode::failed, fmt::format("the agent answered with status {}: {}", response->status, line),
                    "are meshctl and meshd of the same version? see `meshctl version`");
    }
    if (response->status == 200) return std::move(value.get_object());
    const auto& object = value.get_object();
    const auto remedy = text_at(object, "error.remedy");
    return fail(ExitCode::failed, text_at(object, "error.message"), remedy == "-" ? "" : remedy);
}

}  // namespace meshd::meshctl
