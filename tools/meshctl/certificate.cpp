// SPDX-License-Identifier: Apache-2.0
#include "tls/certificate.hpp"

#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/time_text.hpp"
#include "command.hpp"

namespace meshd::meshctl {

namespace {

json::array texts(const std::vector<std::string>& lines) { return json::array(lines.begin(), lines.end()); }

json::object to_json(const tls::Certificate& certificate) {
    return {{"identity", certificate.identity},
            {"subject", certificate.subject},
            {"issuer", certificate.issuer},
            {"serial", certificate.serial},
            {"key", certificate.key},
            {"signature", certificate.signature},
            {"fingerprint", certificate.fingerprint},
            {"not_before", base::time_text(certificate.begins)},
            {"not_after", base::time_text(certificate.ends)},
            {"authority", certificate.is_authority},
            {"problems", texts(certificate.problems)}};
}

json::object to_json(const tls::RevocationList& list) {
    return {{"issuer", list.issuer},
            {"this_update", base::time_text(list.updated)},
            {"next_update", base::time_text(list.next_update)},
            {"serials", texts(list.serials)},
            {"problems", texts(list.problems)}};
}

json::object to_json(const tls::CertificateFile& file) {
    json::array certificates, revocations;
    for (const auto& one : file.certificates) certificates.emplace_back(to_json(one));
    for (const auto& one : file.revocations) revocations.emplace_back(to_json(one));
    return {{"file", file.path},
            {"certificates", std::move(certificates)},
            {"revocations", std::move(revocations)},
            {"keys", texts(file.keys)},
            {"problems", texts(file.problems)}};
}

// The rows of all files in one table; each says where it is from.
json::array rows_of(const json::array& files, std::string_view list) {
    json::array rows;
    for (const auto& file : files)
        for (const auto& item : array_at(file.get_object(), list)) {
            auto row = item.is_object() ? item.get_object() : json::object{{"key", item}};
            row["file"] = file.get_object().at("file");
            rows.emplace_back(std::move(row));
        }
    return rows;
}

Table certificates_table(const json::array& files) {
    const auto who = [](const json::object& row) {
        return text_at(row, text_at(row, "identity") != "-" ? "identity" : "subject");
    };
    return {{text_column("FILE", "file"),
             {"CERTIFICATE OF", who},
             text_column("ISSUER", "issuer"),
             text_column("NOT AFTER", "not_after"),
             text_column("KEY", "key"),
             text_column("AUTHORITY", "authority"),
             text_column("NOT BEFORE", "not_before").wide(),
             text_column("SIGNATURE", "signature").wide(),
             text_column("SERIAL", "serial").wide()},
            rows_of(files, "certificates"),
            Shown::always,
            {}};
}

Table revocations_table(const json::array& files) {
    const auto count = [](const json::object& row) { return std::to_string(array_at(row, "serials").size()); };
    return {{text_column("FILE", "file"),
             text_column("REVOKED BY", "issuer"),
             {"REVOKED", count, Column::Side::right},
             text_column("THIS UPDATE", "this_update"),
             text_column("NEXT UPDATE", "next_update")},
            rows_of(files, "revocations"),
            Shown::always,
            {}};
}

Table keys_table(const json::array& files) {
    return {{text_column("FILE", "file"), text_column("KEY", "key")}, rows_of(files, "keys"), Shown::always, {}};
}

void add_problems(const json::object& file, Lines& lines) {
    const auto add = [&](const json::object& from, const std::string& who) {
        for (const auto& problem : array_at(from, "problems"))
            lines.lines.push_back(fmt::format("{}: {}{}", text_at(file, "file"), who, std::string_view(problem.get_string())));
    };
    add(file, {});
    for (const auto& one : array_at(file, "certificates"))
        add(one.get_object(),
            text_at(one.get_object(), text_at(one.get_object(), "identity") != "-" ? "identity" : "subject") + ": ");
    for (const auto& one : array_at(file, "revocations")) add(one.get_object(), text_at(one.get_object(), "issuer") + ": ");
}

struct ShowOptions {
    std::vector<std::string> paths;
    tls::TrustFiles trust;
};

Result<Page> show(const ShowOptions& options) {
    json::array files;
    Lines problems;
    for (const auto& path : options.paths) {
        auto file = tls::read_certificate_file(path);
        if (!file) return meshctl::fail(file.error());
        // A file of authorities is what others are asked by.
        if (!options.trust.authorities.empty() && !file->certificates.empty() && !file->certificates.front().is_authority) {
            auto refused = tls::why_refused(path, options.trust);
            if (!refused) return meshctl::fail(refused.error());
            if (!refused->empty()) file->problems.push_back("workers would refuse it: " + *refused);
        }
        auto& one = files.emplace_back(to_json(*file)).get_object();
        add_problems(one, problems);
    }
    Page page;
    const auto count = static_cast<std::int64_t>(problems.lines.size());
    page.verdict = count == 0 ? "no problem is seen" : counted(count, "problem");
    page.exit = count == 0 ? ExitCode::done : ExitCode::not_healthy;
    page.blocks = {certificates_table(files), revocations_table(files), keys_table(files), std::move(problems)};
    page.value = {{"files", std::move(files)}};
    return page;
}

// "https://acme.example.org:14000/directory" -> "acme.example.org:14000"
std::string host_of(const std::string& url) {
    const auto scheme = url.find("://");
    const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
    return url.substr(begin, url.find('/', begin) - begin);
}

Table in_use_table(json::array rows) {
    const auto whose = [](const json::object& row) {
        const auto kind = text_at(row, "whose");
        if (kind == "signing") return std::string("signing agent");
        return kind == "node" ? "the node" : (kind == "outside" ? "outside " : "") + text_at(row, "name");
    };
    const auto from = [](const json::object& row) {
        if (text_at(row, "source") == "acme") return "acme " + host_of(text_at(row, "issuer"));
        if (text_at(row, "issuer") != "-") return text_at(row, "issuer");
        return std::string(text_at(row, "whose") == "signing" ? "its authority" : "file");
    };
    return {{{"WHOSE", whose},
             text_column("IDENTITY", "identity"),
             text_column("STATE", "state"),
             text_column("NOT AFTER", "not_after"),
             text_column("RENEWAL", "renewal"),
             text_column("SINCE", "since"),
             {"FROM", from},
             text_column("CERTIFICATE", "certificate").wide(),
             text_column("KEY", "key").wide(),
             text_column("NOT BEFORE", "not_before").wide()},
            std::move(rows),
            Shown::always,
            {}};
}

Result<Page> list(const Agent& agent) {
    auto answer = agent.get("/v1/certificates");
    if (!answer) return tl::make_unexpected(answer.error());
    const auto rows = array_at(*answer, "certificates");
    Lines problems;
    std::int64_t well = 0;
    for (const auto& one : rows) {
        if (!one.is_object()) continue;
        const auto& row = one.get_object();
        if (text_at(row, "state") == "ok") ++well;
        if (text_at(row, "problem") != "-") problems.lines.push_back(text_at(row, "problem"));
    }
    const auto count = static_cast<std::int64_t>(rows.size());
    Page page;
    page.blocks = {in_use_table(rows), std::move(problems)};
    page.verdict =
        count == 0 ? "this node has no certificates" : fmt::format("{} of {} in order", well, counted(count, "certificate"));
    page.exit = well == count ? ExitCode::done : ExitCode::not_healthy;
    page.value = std::move(*answer);
    return page;
}

void add_show(CLI::App& noun, Program& program) {
    const auto options = std::make_shared<ShowOptions>();
    auto* const verb =
        noun.add_subcommand("show", "Say what files of certificates hold, without an agent; exit 4 when one has a problem");
    verb->add_option("FILE", options->paths, "Certificates, revocation lists or keys, in PEM")->required();
    auto* const authorities = verb->add_option("--authorities", options->trust.authorities,
                                               "Say as well whether a worker that believes these would accept them")
                                  ->type_name("FILE");
    verb->add_option("--revoked", options->trust.revoked, "Revocation lists that such a worker has")
        ->type_name("FILE")
        ->needs(authorities);
    verb->add_option("--trust-domain", options->trust.trust_domain, "Its trust domain (that of the certificate)")
        ->type_name("NAME")
        ->needs(authorities);
    verb->footer(
        "Examples:\n"
        "  meshctl certificate show /etc/meshd/tls/node.pem /etc/meshd/tls/node.key\n"
        "  meshctl certificate show web.pem --authorities /etc/meshd/tls/authorities.pem\n"
        "  meshctl certificate show web.pem -o json | jq -r '.files[].certificates[0].not_after'");
    verb->callback([&program, options] { program.chosen = [options](const Agent& /*agent*/) { return show(*options); }; });
}

}  // namespace

void add_certificate(CLI::App& app, Program& program) {
    auto* const noun = app.add_subcommand("certificate", "Certificates that workers show each other");
    noun->require_subcommand(1);
    auto* const listing = noun->add_subcommand(
        "list", "List those of this node and its workloads, as its worker uses them; exit 4 when one is not ok");
    listing->footer(
        "Examples:\n"
        "  meshctl certificate list\n"
        "  meshctl certificate list -o json | jq -r '.certificates[] | select(.state != \"ok\") | .problem'");
    listing->callback([&program] { program.chosen = list; });
    add_show(*noun, program);
}

}  // namespace meshd::meshctl
