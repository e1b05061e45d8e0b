// SPDX-License-Identifier: Apache-2.0
#include "signing/signer.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/time_text.hpp"
#include "config/text_file.hpp"
#include "signing/permission.hpp"
#include "tls/trust_anchors.hpp"

namespace meshd::signing {

namespace {

constexpr unsigned ok = 200, not_modified = 304, malformed = 400, forbidden = 403, not_found = 404, wrong_method = 405,
                   broken = 500;

http::Response error(unsigned status, std::string_view why) { return {status, error_text(why), "application/json", {}}; }

// Changes when one of the files does.
std::string tag_of(const tls::TrustFiles& files) {
    std::string tag;
    for (const auto& path : {files.authorities, files.revoked}) {
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0) return {};
        const auto stamp = config::FileStamp::of(status);
        tag += fmt::format("{:x}-{:x}-{:x}-", stamp.inode, stamp.size, stamp.changed_ns);
    }
    return '"' + tag + '"';
}

base::Result<Trust> trust_of(const tls::Authority& authority) {
    auto authorities = config::read_text_file(authority.authorities());
    if (!authorities) return tl::make_unexpected(authorities.error());
    auto revoked = config::read_text_file(authority.revocations());
    if (!revoked) return tl::make_unexpected(revoked.error());
    return Trust{std::move(authorities->text), std::move(revoked->text)};
}

}  // namespace

http::Response Signer::answer(const http::Request& request, const std::string& peer) {
    const bool is_sign = request.path == sign_path;
    if (!is_sign && request.path != trust_path)
        return error(not_found, fmt::format("there is POST {} and GET {}", sign_path, trust_path));
    if (request.method == (is_sign ? "POST" : "GET")) return is_sign ? sign(request, peer) : trust(request);
    auto refused = error(wrong_method, "the method is not for this path");
    refused.headers["Allow"] = is_sign ? "POST" : "GET";
    return refused;
}

http::Response Signer::trust(const http::Request& request) const {
    // Before the texts are read: what changes in between is asked for again.
    const auto tag = tag_of({{}, settings_.authority + "/authorities.pem", settings_.authority + "/revoked.pem"});
    const auto known = request.headers.find("if-none-match");
    if (!tag.empty() && known != request.headers.end() && known->second == tag) return {not_modified, {}, {}, {{"ETag", tag}}};
    const auto authority = tls::Authority::open(settings_.authority);
    if (!authority) return error(broken, authority.error().message());
    const auto now = trust_of(*authority);
    if (!now) return error(broken, now.error().message());
    return {ok, to_text(*now), "application/json", {{"ETag", tag}}};
}

base::Result<std::string> Signer::identity_for(tls::Authority& authority, const SignRequest& asked,
                                               const std::string& peer) const {
    if (peer.empty() && asked.token.empty())
        return base::fail({"issue a certificate",
                           {},
                           0,
                           "neither a certificate of the mesh nor a token was shown",
                           "`meshctl ca token` makes one"});
    auto wanted = asked.identity;
    if (!wanted.empty()) {
        auto whole = authority.identity_for(wanted);
        if (!whole) return whole;
        wanted = std::move(*whole);
    }
    if (!peer.empty()) {
        if (wanted.empty()) return peer;
        if (may_have(settings_.allow, peer, wanted)) return wanted;
        return base::fail({"issue a certificate for", wanted, 0, peer + " may not have it",
                           "`tls.signing.allow` of the signing agent says who may"});
    }
    auto owner = authority.redeem(asked.token, asked.csr);
    if (owner && !wanted.empty() && wanted != *owner)
        return base::fail(
            {"issue a certificate for", wanted, 0, "the token is for " + *owner, "`meshctl ca token` makes one for it"});
    return owner;
}

http::Response Signer::refuse(unsigned status, const std::string& asker, const std::string& why) {
    ++(status == broken ? counts_.failed : counts_.refused);
    spdlog::warn("signing: {} is given no certificate: {}", asker, why);
    return error(status, why);
}

http::Response Signer::sign(const http::Request& request, const std::string& peer) {
    const auto asker = peer.empty() ? std::string("one without a certificate") : peer;
    const auto asked = sign_request_in(request.body);
    if (!asked) return refuse(malformed, asker, asked.error().message());
    // It is told and logged.
    if (!std::all_of(asked->identity.begin(), asked->identity.end(), [](char letter) { return letter > ' ' && letter <= '~'; }))
        return refuse(malformed, asker, "the identity that is asked for has characters that none has");
    auto authority = tls::Authority::open(settings_.authority);
    if (!authority) return refuse(broken, asker, authority.error().message());
    const auto status_of = [](const base::Error& failure) { return failure.code == 0 ? forbidden : broken; };
    const auto identity = identity_for(*authority, *asked, peer);
    if (!identity) return refuse(status_of(identity.error()), asker, identity.error().message());
    const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(settings_.lifetime);
    const auto made = authority->issue({*identity, lifetime, asked->csr, {}, "what was sent"});
    if (!made) return refuse(status_of(made.error()), asker, made.error().message());
    auto trust = trust_of(*authority);
    if (!trust) return refuse(broken, asker, trust.error().message());
    ++counts_.issued;
    spdlog::info("signing: {} is given a certificate of {} until {}", asker, *identity, base::time_text(made->issued.ends));
    return {ok, to_text(SignAnswer{made->certificate, std::move(*trust)}), "application/json", {}};
}

}  // namespace meshd::signing
