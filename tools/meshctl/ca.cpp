// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/time_text.hpp"
#include "ca_token.hpp"
#include "command.hpp"
#include "config/text_file.hpp"
#include "tls/authority.hpp"
#include "tls/private_file.hpp"

namespace meshd::meshctl {

namespace {

using tls::Authority;

std::string state_of(const tls::IssuedCertificate& issued) {
    if (issued.revoked) return "revoked";
    return issued.ends <= std::chrono::system_clock::now() ? "expired" : "valid";
}

json::object to_json(const tls::IssuedCertificate& issued) {
    return {{"identity", issued.identity},
            {"serial", issued.serial},
            {"not_before", base::time_text(issued.begins)},
            {"not_after", base::time_text(issued.ends)},
            {"state", state_of(issued)},
            {"revoked_at", issued.revoked ? base::time_text(*issued.revoked) : std::string()},
            {"generation", issued.generation}};
}

json::array to_json(const std::vector<tls::IssuedCertificate>& all) {
    json::array rows;
    for (const auto& one : all) rows.emplace_back(to_json(one));
    return rows;
}

Table issued_table(json::array rows) {
    return {{text_column("IDENTITY", "identity"), text_column("SERIAL", "serial"), text_column("NOT AFTER", "not_after"),
             text_column("STATE", "state"), number_column("GENERATION", "generation"),
             text_column("NOT BEFORE", "not_before").wide(), text_column("REVOKED AT", "revoked_at").wide()},
            std::move(rows),
            Shown::always,
            {}};
}

std::string rotation_of(const tls::AuthorityRecord& record) {
    if (record.next) return "prepared";
    return record.old ? "switched" : "none";
}

json::object to_json(const Authority& authority) {
    const auto& record = authority.record();
    return {{"directory", authority.directory()},     {"trust_domain", record.trust_domain},
            {"authorities", authority.authorities()}, {"revoked", authority.revocations()},
            {"signing_generation", record.signing},   {"Rotation", rotation_of(record)},
            {"issued", to_json(record.issued)}};
}

Page page_of(const Authority& authority, std::string verdict) {
    Page page;
    page.value = to_json(authority);
    page.blocks = {Facts{{{"Trust domain", authority.record().trust_domain},
                          {"tls.authorities", authority.authorities()},
                          {"tls.revoked", authority.revocations()},
                          {"Generation", text_at(page.value, "signing_generation")},
                          {"Rotation", rotation_of(authority.record())}}}};
    page.verdict = std::move(verdict);
    return page;
}

// What options have in common: the directory comes first.
CLI::App* add_verb(CLI::App& noun, const char* name, const char* help, std::string& directory, const char* examples) {
    auto* const verb = noun.add_subcommand(name, help);
    verb->add_option("DIRECTORY", directory, "Where the authority is")->required();
    verb->footer(examples);
    return verb;
}

CLI::Option* add_key_type(CLI::App& verb, std::string& text, const char* help) {
    return verb.add_option("--key-type", text, help)
        ->check(CLI::IsMember(std::vector<std::string>(tls::key_kinds.begin(), tls::key_kinds.end())))
        ->type_name("KIND");
}

// CLI11 has checked it.
tls::KeyKind key_kind(std::string_view text) {
    const auto* const found = std::find(tls::key_kinds.begin(), tls::key_kinds.end(), text);
    return found != tls::key_kinds.end() ? static_cast<tls::KeyKind>(found - tls::key_kinds.begin()) : tls::KeyKind::ec_p256;
}

void add_init(CLI::App& noun, Program& program) {
    struct Options {
        std::string directory, trust_domain, kind = "ec-p256";
    };
    const auto options = std::make_shared<Options>();
    auto* const verb =
        add_verb(noun, "init", "Make an authority: a root and an intermediate", options->directory,
                 "The directory is its owner's alone. Give nodes authorities.pem and revoked.pem, nothing else.\n\n"
                 "Examples:\n"
                 "  meshctl ca init ./ca --trust-domain example.org");
    verb->add_option("--trust-domain", options->trust_domain, "Of all identities that it issues: example.org")
        ->type_name("NAME")
        ->required();
    add_key_type(*verb, options->kind, "Kind of its keys (ec-p256)");
    verb->callback([&program, options] {
        program.chosen = [options](const Agent& /*agent*/) -> Result<Page> {
            const auto made = Authority::create(options->directory, options->trust_domain, key_kind(options->kind));
            if (!made) return meshctl::fail(made.error());
            return page_of(*made, "made an authority for " + options->trust_domain);
        };
    });
}

struct IssueOptions {
    std::string directory, identity, request, out, key_out, lifetime_s = "2592000", kind = "ec-p256";
};

Result<Page> issue(const IssueOptions& options) {
    auto authority = Authority::open(options.directory);
    if (!authority) return meshctl::fail(authority.error());
    std::string request;
    if (!options.request.empty()) {
        auto file = config::read_text_file(options.request);
        if (!file) return meshctl::fail(file.error());
        request = std::move(file->text);
    }
    const auto made = authority->issue({options.identity, std::chrono::seconds(std::stoll(options.lifetime_s)),
                                        std::move(request), key_kind(options.kind), options.request});
    if (!made) return meshctl::fail(made.error());
    // A worker takes a pair when both have come to rest.
    if (!made->key.empty())
        if (const auto written = tls::replace_file(options.key_out, made->key, tls::for_owner); !written)
            return meshctl::fail(written.error());
    if (const auto written = tls::replace_file(options.out, made->certificate, tls::for_all); !written)
        return meshctl::fail(written.error());
    Page page;
    page.value = to_json(made->issued);
    page.value["certificate"] = options.out;
    page.value["key"] = options.key_out;
    Facts facts{{{"Identity", made->issued.identity},
                 {"Not after", base::time_text(made->issued.ends)},
                 {"Serial", made->issued.serial},
                 {"Certificate", options.out}}};
    if (!options.key_out.empty()) facts.facts.push_back({"Key", options.key_out});
    page.blocks = {std::move(facts)};
    page.verdict = "issued";
    return page;
}

void add_issue(CLI::App& noun, Program& program) {
    const auto options = std::make_shared<IssueOptions>();
    auto* const verb =
        add_verb(noun, "issue", "Issue a certificate for a node or a workload", options->directory,
                 "With --csr the key never leaves the one whose it is; only its request comes here.\n\n"
                 "Examples:\n"
                 "  meshctl ca issue ./ca node/host-1 --out node.pem --key-out node.key\n"
                 "  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web.key -subj / -out web.csr\n"
                 "  meshctl ca issue ./ca shop/web --csr web.csr --out web.pem --ttl 2160h");
    verb->add_option("IDENTITY", options->identity, "SPIFFE ID, or its path: shop/web")->required();
    verb->add_option("--out", options->out, "Where the certificate goes, with the intermediate's")->type_name("FILE")->required();
    auto* const request =
        verb->add_option("--csr", options->request, "Request of the one who has the key (PKCS #10, PEM)")->type_name("FILE");
    auto* const key_out =
        verb->add_option("--key-out", options->key_out, "Make a key, and where it goes")->type_name("FILE")->excludes(request);
    verb->add_option("--ttl", options->lifetime_s, "How long it is valid (720h)")
        ->type_name("TIME")
        ->transform(CLI::Validator(to_seconds, ""));
    add_key_type(*verb, options->kind, "Kind of the key that is made (ec-p256)")->needs(key_out);
    verb->callback([&program, options] {
        if (options->request.empty() && options->key_out.empty())
            throw CLI::ValidationError("say --csr FILE, or --key-out FILE for a key that is made here");
        program.chosen = [options](const Agent& /*agent*/) { return issue(*options); };
    });
}

void add_show(CLI::App& noun, Program& program) {
    const auto directory = std::make_shared<std::string>();
    auto* const verb = add_verb(noun, "show", "Show the authority and what it issued", *directory,
                                "Examples:\n"
                                "  meshctl ca show ./ca\n"
                                "  meshctl ca show ./ca -o json | jq -r '.issued[] | select(.state == \"valid\") | .identity'");
    verb->callback([&program, directory] {
        program.chosen = [directory](const Agent& /*agent*/) -> Result<Page> {
            const auto authority = Authority::open(*directory);
            if (!authority) return meshctl::fail(authority.error());
            const auto count = static_cast<std::int64_t>(authority->record().issued.size());
            auto page = page_of(*authority, counted(count, "certificate"));
            page.blocks.emplace_back(issued_table(to_json(authority->record().issued)));
            return page;
        };
    });
}

void add_revoke(CLI::App& noun, Program& program) {
    struct Options {
        std::string directory, what;
    };
    const auto options = std::make_shared<Options>();
    auto* const verb =
        add_verb(noun, "revoke", "Revoke certificates: workers that get revoked.pem refuse them", options->directory,
                 "Examples:\n"
                 "  meshctl ca revoke ./ca web.pem\n"
                 "  meshctl ca revoke ./ca shop/web");
    verb->add_option("WHAT", options->what, "File of the certificate, its serial, or an identity: all that it has")->required();
    verb->callback([&program, options] {
        program.chosen = [options](const Agent& /*agent*/) -> Result<Page> {
            auto authority = Authority::open(options->directory);
            if (!authority) return meshctl::fail(authority.error());
            const auto revoked = authority->revoke(options->what);
            if (!revoked) return meshctl::fail(revoked.error());
            Page page;
            auto rows = to_json(*revoked);
            page.value = {{"revoked", rows}, {"file", authority->revocations()}};
            page.blocks = {issued_table(std::move(rows))};
            page.verdict = "give nodes " + authority->revocations();
            return page;
        };
    });
}

struct RotateOptions {
    std::string directory, kind = "ec-p256";
    bool is_switch = false, is_finish = false, is_forced = false;
};

Result<Page> rotate(const RotateOptions& options) {
    auto authority = Authority::open(options.directory);
    if (!authority) return meshctl::fail(authority.error());
    if (options.is_switch) {
        if (const auto done = authority->switch_over(); !done) return meshctl::fail(done.error());
        return page_of(*authority, "the new generation signs: issue all certificates anew, then --finish");
    }
    if (options.is_finish) {
        const auto unfinished = options.is_forced ? Authority::Unfinished::ignore : Authority::Unfinished::refuse;
        if (const auto done = authority->finish(unfinished); !done) return meshctl::fail(done.error());
        return page_of(*authority, "the old generation is gone: give nodes authorities.pem and revoked.pem");
    }
    if (const auto done = authority->prepare(key_kind(options.kind)); !done) return meshctl::fail(done.error());
    return page_of(*authority, "a new generation waits: give all nodes authorities.pem and revoked.pem, then --switch");
}

void add_rotate(CLI::App& noun, Program& program) {
    const auto options = std::make_shared<RotateOptions>();
    auto* const verb =
        add_verb(noun, "rotate", "Replace root and intermediate in three steps, without an outage", options->directory,
                 "Without an option a new root and intermediate are made; those before go on to sign.\n\n"
                 "Examples:\n"
                 "  meshctl ca rotate ./ca            then give nodes authorities.pem and revoked.pem\n"
                 "  meshctl ca rotate ./ca --switch   then issue all certificates anew\n"
                 "  meshctl ca rotate ./ca --finish   then give nodes both files again");
    auto* const switches = verb->add_flag("--switch", options->is_switch, "The new ones sign from now on; both are believed");
    auto* const finishes =
        verb->add_flag("--finish", options->is_finish, "The old ones are believed no more, and removed")->excludes(switches);
    verb->add_flag("--force", options->is_forced, "Also when certificates of the old ones are valid still")->needs(finishes);
    const auto* const kind =
        add_key_type(*verb, options->kind, "Kind of the new keys (ec-p256); neither with --switch nor with --finish");
    verb->callback([&program, options, kind] {
        // Not by excludes(): the order in which help names several changes from run to run.
        if (kind->count() > 0 && (options->is_switch || options->is_finish))
            throw CLI::ExcludesError(kind->get_name(), options->is_switch ? "--switch" : "--finish");
        program.chosen = [options](const Agent& /*agent*/) { return rotate(*options); };
    });
}

}  // namespace

void add_ca(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("ca", "The built-in certificate authority: a directory of files");
    noun->require_subcommand(1);
    add_init(*noun, program);
    add_issue(*noun, program);
    add_ca_token(*noun, program);
    add_show(*noun, program);
    add_revoke(*noun, program);
    add_rotate(*noun, program);
}

}  // namespace meshd::meshctl
