// SPDX-License-Identifier: Apache-2.0
#include "model/acme_json.hpp"

#include <boost/json.hpp>

#include "model/members.hpp"

namespace meshd::model {

namespace json = boost::json;

json::object to_json(const AcmeSettings& acme) {
    return {{"directory", acme.directory},       {"email", acme.email},
            {"challenge", name(acme.challenge)}, {"http", acme.http ? acme.http->text() : std::string()},
            {"storage", acme.storage},           {"renew_before_ms", acme.renew_before.count()}};
}

base::Result<AcmeSettings> acme_from_json(const json::value& value, const std::string& where) {
    Members members(value, where);
    AcmeSettings acme;
    acme.directory = members.text("directory");
    if (!is_acme_directory(acme.directory)) members.wrong("directory", "a URL that begins with https://");
    acme.email = members.text("email");
    if (!acme.email.empty() && !is_acme_email(acme.email)) members.wrong("email", "an address of mail");
    const auto challenge = parse_acme_challenge(members.text("challenge"));
    if (!challenge) members.wrong("challenge", "tls-alpn-01 or http-01");
    acme.challenge = challenge.value_or(acme.challenge);
    if (const auto text = members.text("http"); !text.empty()) {
        acme.http = base::SocketAddress::parse(text);
        if (!acme.http || acme.http->port == 0) members.wrong("http", "ADDRESS:PORT");
    }
    acme.storage = members.path("storage");
    acme.renew_before = std::chrono::milliseconds(members.number<std::int64_t>("renew_before_ms", 0));
    if (auto read = members.outcome(); !read) return tl::make_unexpected(read.error());
    return acme;
}

}  // namespace meshd::model
