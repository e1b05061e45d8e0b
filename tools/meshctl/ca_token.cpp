// SPDX-License-Identifier: Apache-2.0
#include "ca_token.hpp"

#include <chrono>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/time_text.hpp"
#include "tls/authority.hpp"
#include "tls/private_file.hpp"

namespace meshd::meshctl {

namespace {

struct TokenOptions {
    std::string directory, identity, out, lifetime_s = "3600";
};

Result<Page> make_token(const TokenOptions& options) {
    auto authority = tls::Authority::open(options.directory);
    if (!authority) return meshctl::fail(authority.error());
    const auto token = authority->make_token(options.identity, std::chrono::seconds(std::stoll(options.lifetime_s)));
    if (!token) return meshctl::fail(token.error());
    if (!options.out.empty())
        if (const auto written = tls::replace_file(options.out, token->secret + "\n", tls::for_owner); !written)
            return meshctl::fail(written.error());
    Page page;
    page.value = {{"identity", token->identity}, {"not_after", base::time_text(token->ends)}};
    page.value[options.out.empty() ? "token" : "file"] = options.out.empty() ? token->secret : options.out;
    page.blocks = {Facts{{{"Identity", token->identity},
                          {"Not after", base::time_text(token->ends)},
                          {options.out.empty() ? "Token" : "File", options.out.empty() ? token->secret : options.out}}}};
    page.verdict = "good for one certificate: put it where tls.issuer.token_file of the node says";
    return page;
}

}  // namespace

void add_ca_token(CLI::App& noun, Program& program) {
    const auto options = std::make_shared<TokenOptions>();
    auto* const verb = noun.add_subcommand("token", "Make a token: whoever has it is given one certificate by the signing agent");
    verb->add_option("DIRECTORY", options->directory, "Where the authority is")->required();
    verb->footer(
        "For a node that has no certificate yet. The authority keeps its SHA-256 only.\n\n"
        "Examples:\n"
        "  meshctl ca token /var/lib/meshd/ca node/host-1\n"
        "  meshctl ca token /var/lib/meshd/ca node/host-1 --ttl 10m -o json | jq -r .token");
    verb->add_option("IDENTITY", options->identity, "SPIFFE ID, or its path: node/host-1")->required();
    verb->add_option("--ttl", options->lifetime_s, "How long it is good (1h)")
        ->type_name("TIME")
        ->transform(CLI::Validator(to_seconds, ""));
    verb->add_option("--out", options->out, "Where it goes, with mode 0600; it is not shown then")->type_name("FILE");
    verb->callback([&program, options] { program.chosen = [options](const Agent& /*agent*/) { return make_token(*options); }; });
}

}  // namespace meshd::meshctl
