// SPDX-License-Identifier: Apache-2.0
#include "config/acme_reader.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "config/characters.hpp"
#include "config/duration.hpp"
#include "config/system_names.hpp"
#include "model/server_names.hpp"

namespace meshd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 7> acme_keys{"directory", "email",        "challenge",   "http",
                                                    "storage",   "accept_terms", "renew_before"};
constexpr std::array<std::string_view, 2> challenges{"tls-alpn-01", "http-01"};
constexpr DurationRange renewals{1s, 8760h, "a time from 1s to 8760h (units: ms, s, m, h)"};

void read_directory(Document& document, const MappingReader& acme, std::string& result) {
    if (acme.text("directory", result) && !model::is_acme_directory(result))
        refuse_value(document, acme.find("directory"), "\"directory\"", "a URL that begins with https://");
}

void read_email(Document& document, const MappingReader& acme, std::string& result) {
    if (acme.text("email", result) && !model::is_acme_email(result))
        refuse_value(document, acme.find("email"), "\"email\"", "an address such as ops@example.org");
}

void read_terms(Document& document, const MappingReader& acme) {
    bool accepts = false;
    acme.boolean("accept_terms", accepts);
    if (document.ok() && !accepts)
        document.refuse(acme.has("accept_terms") ? acme.find("accept_terms").mark() : acme.mark(),
                        "the authority issues nothing to whom does not accept its terms",
                        "read them, its directory names them, and write \"accept_terms: true\"");
}

void read_http(Document& document, const MappingReader& acme, model::AcmeSettings& result) {
    constexpr std::string_view expected = "an address and a port such as \"[::]:80\"";
    const bool is_http = result.challenge == model::AcmeChallenge::http_01;
    if (!document.ok()) return;
    if (!is_http && acme.has("http"))
        document.refuse(acme.find("http").mark(), "\"http\" means nothing with the challenge tls-alpn-01",
                        "write \"challenge: http-01\", or remove \"http\"");
    if (!is_http || !acme.require("http", "write where the authority reaches this host for http-01, such as \"[::]:80\"")) return;
    base::SocketAddress address;
    read_listen(document, acme, "http", address, expected);
    if (document.ok() && address.port == 0) refuse_value(document, acme.find("http"), "\"http\"", expected);
    result.http = address;
}

}  // namespace

void read_acme(Document& document, const MappingReader& edge, std::optional<model::AcmeSettings>& result) {
    read_section(document, edge, "acme", acme_keys, [&](const MappingReader& section) {
        auto& acme = result.emplace();
        read_directory(document, section, acme.directory);
        read_email(document, section, acme.email);
        section.choice("challenge", acme.challenge, challenges, model::parse_acme_challenge);
        read_http(document, section, acme);
        read_path(document, section, "storage", acme.storage);
        read_duration(document, section, "renew_before", acme.renew_before, renewals);
        read_terms(document, section);
    });
}

void read_acme_names(Document& document, const MappingReader& certificate, const std::optional<model::AcmeSettings>& acme,
                     std::vector<std::string>& result) {
    const auto list = certificate.find("acme");
    if (!acme) document.refuse(list.mark(), "nobody is there to issue it", "write \"acme\" beside \"listeners\" in \"edge\"");
    if (!document.ok() || !expect_list(document, list, "\"acme\"", "names")) return;
    if (list.size() == 0 || list.size() > model::max_acme_names)
        document.refuse(list.mark(),
                        fmt::format("\"acme\" must have 1 to {} names, found {}", model::max_acme_names, list.size()));
    for (const auto item : list) {
        constexpr std::string_view expected = "a name in lower case such as shop.example.org";
        const auto text = read_text(document, item, "a name", expected);
        if (!text) return;
        if (!model::is_acme_name(*text))
            refuse_value(document, item, "a name", expected,
                         text->find('*') == std::string_view::npos
                             ? ""
                             : "wildcards need the challenge dns-01, which is not answered here: list the names, or give files");
        else if (std::find(result.begin(), result.end(), *text) != result.end())
            document.refuse(item.mark(), fmt::format("name {} is given twice", quote(*text)));
        result.emplace_back(*text);
    }
}

void check_acme(Document& document, const MappingReader& listener, const model::EdgeListener& one,
                const std::optional<model::AcmeSettings>& acme) {
    if (!document.ok() || !acme) return;
    if (acme->http == one.listen)
        document.refuse(listener.find("listen").mark(),
                        fmt::format("\"http\" of \"acme\" has the address {}, too", one.listen.text()),
                        "give one of them another port");
    model::ServerNames<bool> passes;
    for (const auto& route : one.routes)
        for (const auto& name : route.names) passes.add(name, route.pass_through);
    for (const auto& certificate : one.certificates)
        for (const auto& name : certificate.acme)
            if (const auto* const found = passes.find(name); found != nullptr && *found)
                document.refuse(
                    listener.find("certificates").mark(),
                    fmt::format("TLS for {} passes through to its backend: no certificate is of use here", quote(name)),
                    "remove the name from \"acme\", or \"pass_through\" from its route");
}

}  // namespace meshd::config
