// SPDX-License-Identifier: Apache-2.0
#include "picture/site.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

#include "picture/assets.hpp"
#include "picture/gate.hpp"

namespace meshd::picture {

namespace {

constexpr std::string_view questions = "/v1/";

// Nothing but what this server gives, and no frame of somebody else around it. The graph is drawn on canvases, whose styles
// scripts set by properties, which the policy allows.
constexpr const char* security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

void add_headers(http::Response& response) {
    response.headers.emplace("Content-Security-Policy", security_policy);
    response.headers.emplace("X-Content-Type-Options", "nosniff");
    response.headers.emplace("X-Frame-Options", "DENY");
    response.headers.emplace("Referrer-Policy", "no-referrer");
    response.headers.emplace("Cross-Origin-Opener-Policy", "same-origin");
    response.headers.emplace("Cross-Origin-Resource-Policy", "same-origin");
    response.headers.emplace("Cache-Control", "no-store");
}

// As the control socket says it.
http::Response failure(unsigned status, std::string_view message, std::string_view remedy) {
    const boost::json::object object{{"error", {{"message", message}, {"remedy", remedy}}}};
    return {status, boost::json::serialize(object) + "\n", "application/json", {}};
}

http::Response file(const http::Request& request) {
    const auto path = request.path == "/" ? std::string_view("/index.html") : std::string_view(request.path);
    const auto& all = assets();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Asset& asset) { return asset.path == path; });
    if (found == all.end()) return failure(404, "there is nothing here", "the picture is at /");
    http::Response response;
    response.headers.emplace("ETag", found->tag);
    response.headers.emplace("Cache-Control", "no-cache");  // kept, and asked for whether it is the same
    response.content_type = found->content_type;
    const auto known = request.headers.find("if-none-match");
    if (known != request.headers.end() && known->second == found->tag)
        response.status = 304;
    else
        response.body = found->body;
    return response;
}

}  // namespace

void Site::configure(model::PictureSettings settings) {
    settings_ = std::move(settings);
    const auto token = token_of(settings_);
    note(token ? std::string{} : token.error().message());
}

void Site::note(std::string problem) {
    if (std::exchange(problem_, std::move(problem)) != problem_) hooks_.on_problem_change();
}

void Site::handle(const http::Request& request, http::Respond respond) {
    auto with_headers = [respond = std::move(respond)](http::Response response) {
        add_headers(response);
        respond(std::move(response));
    };
    const auto host = request.headers.find("host");
    if (host == request.headers.end() || !is_own_host(host->second, settings_))
        return with_headers(failure(403, "the picture is not served under this name",
                                    "use an address or localhost, or write the name into picture.hosts of meshd.yaml"));
    if (request.method != "GET" && request.method != "HEAD") {
        auto refused = failure(405, "the picture only shows", "use GET");
        refused.headers.emplace("Allow", "GET, HEAD");
        return with_headers(std::move(refused));
    }
    if (request.path.starts_with(questions)) return answer_question(request, std::move(with_headers));
    with_headers(file(request));
}

void Site::answer_question(const http::Request& request, http::Respond respond) {
    if (is_of_other_site(request)) return respond(failure(403, "a page of another site asks", "open the picture itself"));
    const auto token = token_of(settings_);
    note(token ? std::string{} : token.error().message());
    if (!token)
        return respond(
            failure(503, "the token that questions must bring cannot be read", "`meshctl status` on this host says why"));
    if (*token && !brings(request, **token)) {
        auto refused = failure(401, "the question brings no token, or another one",
                               "send \"Authorization: Bearer TOKEN\" with what picture.token_file of meshd.yaml holds");
        refused.headers.emplace("WWW-Authenticate", "Bearer realm=\"meshd\"");
        return respond(std::move(refused));
    }
    hooks_.ask(request, std::move(respond));
}

}  // namespace meshd::picture
