// SPDX-License-Identifier: Apache-2.0
// What the authority does for an agent that signs with it: tokens, and that agent's own certificate.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "tls/authority.hpp"
#include "tls/authority_drafts.hpp"
#include "tls/spiffe_id.hpp"

namespace meshd::tls {

namespace {

using std::chrono::system_clock;

constexpr std::size_t secret_bytes = 32;  // so many that nobody can guess it from its hash

base::Result<std::string> new_secret() {
    std::array<unsigned char, secret_bytes> bytes{};
    if (::RAND_bytes(bytes.data(), bytes.size()) != 1) return base::fail({"make a token", {}, 0, openssl_error(), {}});
    return fmt::format("{:02x}", fmt::join(bytes, ""));
}

}  // namespace

base::Result<Authority::Token> Authority::make_token(const std::string& identity, std::chrono::seconds lifetime) {
    const auto whole = identity_for(identity);
    if (!whole) return tl::make_unexpected(whole.error());
    auto secret = new_secret();
    if (!secret) return tl::make_unexpected(secret.error());
    Token token{std::move(*secret), *whole, system_clock::now() + lifetime};
    record_.tokens.push_back({sha256_of(token.secret), token.identity, token.ends});
    if (const auto written = write_record(); !written) return tl::make_unexpected(written.error());
    return token;
}

base::Result<std::string> Authority::redeem(const std::string& secret, const std::string& request) {
    const auto refuse = [](std::string why) {
        return base::fail({"accept", "the token", 0, std::move(why), "`meshctl ca token` makes a new one"});
    };
    const auto asked = request_in(request, "what was sent");
    if (!asked) return tl::make_unexpected(asked.error());
    const auto hash = sha256_of(secret);
    const auto found =
        std::find_if(record_.tokens.begin(), record_.tokens.end(), [&](const JoinToken& one) { return one.hash == hash; });
    if (found == record_.tokens.end() || found->ends <= system_clock::now()) return refuse("it is not known, or too old");
    const auto key = sha256_of(public_part(asked->key.get()));
    if (!found->key.empty() && found->key != key) return refuse("it was used already");
    auto identity = found->identity;
    if (found->key == key) return identity;
    found->key = key;
    if (const auto written = write_record(); !written) return tl::make_unexpected(written.error());
    return identity;
}

base::Result<Authority::Made> Authority::issue_to_signing_agent(std::chrono::seconds lifetime) const {
    const auto generation = record_.old.value_or(record_.signing);
    const auto signer = read_signing(intermediate(generation), path(generation, "intermediate.key"));
    if (!signer) return tl::make_unexpected(signer.error());
    const auto key = make_key(KeyKind::ec_p256);
    if (!key) return tl::make_unexpected(key.error());
    const auto now = system_clock::now();
    Made made;
    made.issued = {
        {}, SpiffeId{record_.trust_domain, signing_path}.text(), now - backdated_by(lifetime), now + lifetime, {}, generation};
    const auto certificate =
        sign(workload_draft(made.issued.identity, made.issued.begins, made.issued.ends, std::string("DNS:") + signing_name),
             key->get(), {signer->certificate.get(), signer->key.get()});
    if (!certificate) return tl::make_unexpected(certificate.error());
    made.issued.serial = serial_of(certificate->get());
    made.certificate = pem_of(certificate->get()) + pem_of(signer->certificate.get());
    made.key = pem_of(key->get());
    return made;
}

}  // namespace meshd::tls
