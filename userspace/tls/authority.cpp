// SPDX-License-Identifier: Apache-2.0
#include "tls/authority.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/time_text.hpp"
#include "config/text_file.hpp"
#include "model/tls.hpp"
#include "tls/authority_drafts.hpp"
#include "tls/private_file.hpp"
#include "tls/spiffe_id.hpp"
#include "tls/verify.hpp"

namespace meshd::tls {

namespace fs = std::filesystem;

namespace {

constexpr mode_t directory_mode = 0700;
constexpr std::chrono::hours longest_remembered{7 * 24};  // after it has expired

Time now() { return std::chrono::system_clock::now(); }

base::Result<base::UniqueFd> lock(const std::string& directory) {
    base::UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid())
        return base::fail_errno("open", directory,
                                errno == EACCES ? "it must belong to the user that asks: for a signing agent, that of the worker"
                                                : "`meshctl ca init` makes an authority");
    while (::flock(fd.get(), LOCK_EX) != 0)
        if (errno != EINTR) return base::fail_errno("lock", directory);
    return fd;
}

base::Result<std::string> text_of_file(const std::string& path) {
    auto file = config::read_text_file(path);
    if (!file) return tl::make_unexpected(std::move(file.error()));
    return std::move(file->text);
}

std::string upper_case(std::string text) {
    for (auto& letter : text)
        if (letter >= 'a' && letter <= 'f') letter = static_cast<char>(letter - 'a' + 'A');
    return text;
}

base::Result<void> make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), directory_mode) != 0 && errno != EEXIST) return base::fail_errno("make directory", path);
    if (::chmod(path.c_str(), directory_mode) != 0) return base::fail_errno("protect", path);
    return {};
}

Owner owner_of(const base::UniqueFd& directory) {
    struct stat status {};
    if (::fstat(directory.get(), &status) != 0) return {::geteuid(), ::getegid()};
    return {status.st_uid, status.st_gid};
}

}  // namespace

std::string Authority::path(std::uint64_t generation, const char* name) const {
    return fmt::format("{}/{}/{}", directory_, generation, name);
}
std::string Authority::root(std::uint64_t generation) const { return path(generation, "root.pem"); }
std::string Authority::intermediate(std::uint64_t generation) const { return path(generation, "intermediate.pem"); }

base::Result<Authority> Authority::create(const std::string& directory, const std::string& trust_domain, KeyKind kind) {
    if (!model::is_trust_domain(trust_domain))
        return base::fail({"make an authority for", trust_domain, 0, "it is no trust domain",
                           "use lower case letters, digits, '.', '-' and '_', for example example.org"});
    if (const auto made = make_directory(directory); !made) return tl::make_unexpected(made.error());
    auto locked = lock(directory);
    if (!locked) return tl::make_unexpected(locked.error());
    std::error_code error;
    if (!fs::is_empty(directory, error) || error)
        return base::fail({"make an authority in", directory, 0, "it is not empty", "name a new directory"});
    const auto owner = owner_of(*locked);
    Authority authority(directory, std::move(*locked), owner);
    authority.record_.trust_domain = trust_domain;
    auto done = authority.make_generation(1, kind);
    if (done) done = authority.write_believed();
    if (done) done = authority.write_record();  // the last one: with it there is an authority
    if (!done) return tl::make_unexpected(done.error());
    return authority;
}

base::Result<Authority> Authority::open(const std::string& directory) {
    auto locked = lock(directory);
    if (!locked) return tl::make_unexpected(locked.error());
    const auto owner = owner_of(*locked);
    Authority authority(directory, std::move(*locked), owner);
    const auto file = directory + "/ca.json";
    const auto text = text_of_file(file);
    if (!text) {
        auto error = text.error();
        error.remedy = error.code == EACCES ? "it must belong to the user that asks: for a signing agent, that of the worker"
                                            : "`meshctl ca init` makes an authority";
        return base::fail(std::move(error));
    }
    auto record = parse_authority_record(*text, file);
    if (!record) return tl::make_unexpected(record.error());
    authority.record_ = std::move(*record);
    return authority;
}

base::Result<void> Authority::make_generation(std::uint64_t generation, KeyKind kind) {
    const auto made = new_generation(record_.trust_domain, generation, kind);
    if (!made) return tl::make_unexpected(made.error());
    const auto below = fmt::format("{}/{}", directory_, generation);
    auto done = make_directory(below);
    if (done) {
        const base::UniqueFd made_directory(::open(below.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        done = give_to(made_directory.get(), below, owner_);
    }
    const auto write_one = [&](const char* name, const std::string& text, mode_t mode) {
        if (done) done = write(path(generation, name), text, mode);
    };
    write_one("root.pem", made->root, for_all);
    write_one("root.key", made->root_key, for_owner);
    write_one("root-revoked.pem", made->root_revocations, for_all);
    write_one("intermediate.pem", made->intermediate, for_all);
    write_one("intermediate.key", made->intermediate_key, for_owner);
    return done;
}

base::Result<void> Authority::write(const std::string& path, const std::string& text, mode_t mode) const {
    return replace_file(path, text, mode, owner_);
}

base::Result<void> Authority::write_record() {
    auto& issued = record_.issued;
    issued.erase(
        std::remove_if(issued.begin(), issued.end(), [](const auto& one) { return one.ends + longest_remembered < now(); }),
        issued.end());
    std::erase_if(record_.tokens, [](const auto& one) { return one.ends <= now(); });
    return write(directory_ + "/ca.json", to_text(record_), for_owner);
}

base::Result<void> Authority::write_believed() {
    std::string authorities, revocations;
    ++record_.lists;
    for (const auto generation : record_.believed()) {
        const auto root_text = text_of_file(root(generation));
        if (!root_text) return tl::make_unexpected(root_text.error());
        const auto root_list = text_of_file(path(generation, "root-revoked.pem"));
        if (!root_list) return tl::make_unexpected(root_list.error());
        const auto signer = read_signing(intermediate(generation), path(generation, "intermediate.key"));
        if (!signer) return tl::make_unexpected(signer.error());
        std::vector<Revoked> revoked;
        for (const auto& one : record_.issued)
            if (one.revoked && one.generation == generation)
                revoked.push_back({one.serial, *one.revoked, one.is_identity_revoked ? one.identity : std::string()});
        const auto list = sign_revocations(revoked, record_.lists, now() - clock_skew, not_after(signer->certificate.get()),
                                           {signer->certificate.get(), signer->key.get()});
        if (!list) return tl::make_unexpected(list.error());
        authorities += *root_text;
        revocations += pem_of(list->get()) + *root_list;
    }
    if (const auto written = write(this->authorities(), authorities, for_all); !written) return written;
    return write(this->revocations(), revocations, for_all);
}

base::Result<std::string> Authority::identity_for(const std::string& text) const {
    const bool is_whole = text.starts_with("spiffe://");
    const auto path = text.starts_with('/') ? text : "/" + text;
    const auto id = SpiffeId::parse(is_whole ? text : SpiffeId{record_.trust_domain, path}.text());
    const auto refuse = [&](const std::string& why) {
        return base::fail({"issue a certificate for", text, 0, why,
                           fmt::format("name a workload, for example spiffe://{}/shop/web or shop/web", record_.trust_domain)});
    };
    if (!id) return refuse("it is no SPIFFE ID: " + id.error());
    if (id->trust_domain != record_.trust_domain) return refuse("this authority's trust domain is " + record_.trust_domain);
    if (id->path.empty()) return refuse("it has no path");
    return id->text();
}

base::Result<Authority::Made> Authority::issue(const Wanted& wanted) {
    const auto identity = identity_for(wanted.identity);
    if (!identity) return tl::make_unexpected(identity.error());
    const auto refuse = [&](std::string why, std::string remedy) {
        return base::fail({"issue a certificate for", *identity, 0, std::move(why), std::move(remedy)});
    };
    const auto signer = read_signing(intermediate(record_.signing), path(record_.signing, "intermediate.key"));
    if (!signer) return tl::make_unexpected(signer.error());
    Made made;
    KeyPtr key;
    if (!wanted.request.empty()) {
        auto request = request_in(wanted.request, wanted.request_name);
        if (!request) return tl::make_unexpected(request.error());
        if (!request->uris.empty() && request->uris != std::vector{*identity})
            return refuse("the request asks for " + request->uris.front(), "name what it asks for");
        key = std::move(request->key);
    } else {
        auto own = make_key(wanted.kind);
        if (!own) return tl::make_unexpected(own.error());
        key = std::move(*own);
        made.key = pem_of(key.get());
    }
    made.issued = {{}, *identity, now() - backdated_by(wanted.lifetime), now() + wanted.lifetime, {}, record_.signing};
    if (const auto end = not_after(signer->certificate.get()); made.issued.ends > end)
        return refuse("the authority itself ends " + base::time_text(end), "ask for a shorter time, or `meshctl ca rotate`");
    const auto certificate = sign(workload_draft(*identity, made.issued.begins, made.issued.ends), key.get(),
                                  {signer->certificate.get(), signer->key.get()});
    if (!certificate) return tl::make_unexpected(certificate.error());
    if (const auto weakness = weakness_of(certificate->get()); !weakness.empty())
        return refuse(weakness, "use another kind of key");
    made.issued.serial = serial_of(certificate->get());
    made.certificate = pem_of(certificate->get()) + pem_of(signer->certificate.get());
    record_.issued.push_back(made.issued);
    if (const auto written = write_record(); !written) return tl::make_unexpected(written.error());
    return made;
}

base::Result<std::vector<IssuedCertificate>> Authority::revoke(const std::string& what) {
    const auto serials = serials_in_file(what);
    const auto identity = identity_for(what);
    std::vector<IssuedCertificate> revoked;
    for (auto& one : record_.issued) {
        if (one.revoked || one.ends <= now()) continue;
        const bool is_by_identity = serials.empty() && identity && one.identity == *identity;
        const bool is_meant = serials.empty() ? is_by_identity || one.serial == upper_case(what)
                                              : std::find(serials.begin(), serials.end(), one.serial) != serials.end();
        if (!is_meant) continue;
        one.revoked = now();
        one.is_identity_revoked = is_by_identity;
        revoked.push_back(one);
    }
    // What it had has ended by now: connections may be left of it.
    if (const auto last = std::find_if(record_.issued.rbegin(), record_.issued.rend(),
                                       [&](const auto& one) { return identity && one.identity == *identity && !one.revoked; });
        revoked.empty() && last != record_.issued.rend()) {
        last->revoked = now();
        last->is_identity_revoked = true;
        revoked.push_back(*last);
    }
    if (revoked.empty())
        return base::fail(
            {"revoke", what, 0, "no valid certificate of this kind was issued here", "`meshctl ca show` lists them"});
    auto done = write_record();
    if (done) done = write_believed();
    if (done) done = write_record();
    if (!done) return tl::make_unexpected(done.error());
    return revoked;
}

}  // namespace meshd::tls
