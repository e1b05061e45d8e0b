// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/status.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "registry/kubernetes/fields.hpp"
#include "registry/kubernetes/stream.hpp"

namespace meshd::registry::kubernetes {

using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds longest_asked = 60s;  // a server that wants more is asked earlier

std::chrono::milliseconds retry_after(const web::AsyncResponse& response) {
    const auto found = response.headers.find("retry-after");
    if (found == response.headers.end()) return 0ms;
    long seconds = 0;
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), seconds);
    return std::clamp<std::chrono::seconds>(std::chrono::seconds(seconds), 0s, longest_asked);
}

std::string said(const web::AsyncResponse& response) {
    std::string text;
    (void)with_object(response.body, [&](const json::object& object) { text = status_of(object).message; });
    constexpr std::size_t most = 300;
    return fmt::format("it answers {}{}{}", response.status, text.empty() ? "" : ": ", text.substr(0, most));
}

}  // namespace

std::string Status::text() const {
    return fmt::format("the server says {}{}{}", code, message.empty() ? "" : ": ", message.empty() ? reason : message);
}

Status status_of(const json::object& object) {
    Findings findings("status", "");
    const Fields fields(object, "", findings);
    return {fields.number("code", 0, 999, 0), std::string(fields.text("reason")), std::string(fields.text("message"))};
}

std::pair<std::string_view, const json::object*> event_of(const json::object& event) {
    const auto* const type = event.if_contains("type");
    const auto* const object = event.if_contains("object");
    if (type == nullptr || !type->is_string() || object == nullptr) return {};
    return {type->get_string(), object->if_object()};
}

std::string continue_of(const json::object& list) {
    Findings findings("list", "");
    return std::string(Fields(list, "", findings).object("metadata").text("continue"));
}

Refusal refusal_of(const web::AsyncResponse& response, const Asked& asked) {
    Refusal refusal;
    refusal.least_wait = retry_after(response);
    refusal.error = {"ask", {}, 0, said(response), {}};
    auto& remedy = refusal.error.remedy;
    switch (response.status) {
        case 401:
            refusal.kind = Failure::denied;
            remedy = asked.token_from.empty() ? "give the user of the kubeconfig a token or a client certificate"
                                              : "the token or the certificate of " + asked.token_from +
                                                    " must be one that this cluster knows and that has not expired";
            break;
        case 403:
            refusal.kind = Failure::denied;
            remedy = fmt::format(
                "grant the verbs list and watch for \"{}\" of the API group \"{}\" in the whole cluster: `kubectl apply "
                "-f deploy/kubernetes/rbac.yaml`",
                asked.resource, asked.group);
            break;
        case 404:
            remedy = fmt::format("is this an API server, and does it serve {}{}?", asked.resource,
                                 asked.group.empty() ? "" : " of " + asked.group + " in version v1 or v1beta1");
            break;
        default:
            break;
    }
    return refusal;
}

}  // namespace meshd::registry::kubernetes
