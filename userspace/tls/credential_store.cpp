// SPDX-License-Identifier: Apache-2.0
#include "tls/credential_store.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/time_text.hpp"

namespace meshd::tls {

namespace {

constexpr std::size_t most_at_once = 8;
constexpr unsigned looks_between_tries = 60;  // of what was bad and did not change: time may have made it good

FollowedFiles::Stamps stamps_of(const model::CertificateFiles& files) {
    return FollowedFiles::stamps_of({files.certificate, files.key});
}

TrustFiles trust_files(const model::NodeTls& tls) { return {tls.trust_domain, tls.authorities, tls.revoked}; }

}  // namespace

CredentialStore::CredentialStore(boost::asio::io_context& context, Options options)
    : options_(std::move(options)), timer_(context) {}
CredentialStore::~CredentialStore() = default;

void CredentialStore::follow(const std::optional<model::NodeTls>& tls) {
    auto before = std::exchange(entries_, {});
    if (!tls) {
        tls_.reset();
        trust_.reset();
        trust_problem_.clear();
        timer_.cancel();
        return;
    }
    const bool is_trust_other = !tls_ || trust_files(*tls) != trust_files(*tls_);
    tls_ = tls;
    const bool is_trust_new = is_trust_other && read_trust();
    // What is in use under a name stays so until what the settings name now is good.
    const auto add = [&](const std::string& name, const model::CertificateFiles& files) {
        const auto known =
            std::find_if(before.begin(), before.end(), [&](const Entry& entry) { return entry.state.name == name; });
        auto& entry = entries_.emplace_back(known != before.end() ? std::move(*known) : Entry{});
        entry.state.name = name;
        if (known != before.end() && !is_trust_new && entry.state.files == files) return;
        entry.state.files = files;
        entry.is_due = false;
        read(entry);
    };
    add({}, tls_->node);
    for (const auto& identity : tls_->identities) add(identity.name, identity.files);
    after(options_.interval, &CredentialStore::look);
}

std::shared_ptr<const Credentials> CredentialStore::node() const {
    return entries_.empty() ? nullptr : entries_.front().state.credentials;
}

std::map<std::uint32_t, std::shared_ptr<const Credentials>> CredentialStore::identities() const {
    std::map<std::uint32_t, std::shared_ptr<const Credentials>> good;
    for (const auto& entry : entries_)
        if (!entry.state.name.empty() && entry.state.credentials)
            good.emplace(model::identity_number(entry.state.name), entry.state.credentials);
    return good;
}

std::vector<CredentialStore::State> CredentialStore::states() const {
    std::vector<State> states;
    for (const auto& entry : entries_) {
        states.push_back(entry.state);
        if (states.back().problem.empty()) states.back().problem = trust_problem_;
    }
    return states;
}

void CredentialStore::after(std::chrono::milliseconds time, void (CredentialStore::*step)()) {
    timer_.expires_after(time);
    timer_.async_wait([this, step](const boost::system::error_code& error) {
        if (!error && tls_) (this->*step)();  // it may have been too late to cancel it
    });
}

void CredentialStore::look_now() {
    if (!tls_) return;
    trust_files_.note_settled(trust_stamps());
    for (auto& entry : entries_) entry.files.note_settled(stamps_of(entry.state.files));
    look();
}

void CredentialStore::look() {
    const bool tries_again = ++looks_ % looks_between_tries == 0;
    const bool is_trust_due = trust_files_.should_read(trust_stamps()) || (tries_again && !trust_problem_.empty());
    const bool is_trust_new = is_trust_due && read_trust();
    for (auto& entry : entries_)
        if (entry.files.should_read(stamps_of(entry.state.files)) || is_trust_new ||
            (tries_again && !entry.state.problem.empty()))
            entry.is_due = true;  // until it was read: other settings may end a round before
    is_changed_ = is_changed_ || is_trust_new;
    next_ = 0;
    read_some();
}

// A thousand of them take seconds, and the loop has other things to do.
void CredentialStore::read_some() {
    std::size_t read_now = 0;
    for (; next_ < entries_.size() && read_now < most_at_once; ++next_) {
        auto& entry = entries_[next_];
        if (entry.is_due) {
            const auto before = entry.state.credentials;
            entry.is_due = false;
            read(entry);
            is_changed_ = is_changed_ || entry.state.credentials != before;
            ++read_now;
        }
        tell_expired(entry);
    }
    if (next_ < entries_.size()) {
        after(std::chrono::milliseconds(0), &CredentialStore::read_some);
        return;
    }
    after(options_.interval, &CredentialStore::look);
    if (std::exchange(is_changed_, false) && options_.on_change) options_.on_change();
}

void CredentialStore::tell_expired(Entry& entry) {
    const auto& [name, files, credentials, problem, since] = entry.state;
    if (!problem.empty() || !credentials || std::chrono::system_clock::now() < credentials->not_after()) return;
    set_problem(entry, {"use certificate", files.certificate, 0,
                        fmt::format("{} expired {}", credentials->identity(), base::time_text(credentials->not_after())),
                        "put a new one in its place"});
}

// True: those who go by it must be read again.
bool CredentialStore::read_trust() {
    trust_files_.note_read(trust_stamps());
    auto loaded = TrustAnchors::load(trust_files(*tls_));
    if (loaded) {
        trust_ = std::move(*loaded);
        trust_problem_.clear();
        return true;
    }
    const auto message = loaded.error().message();
    if (std::exchange(trust_problem_, message) != message && options_.on_problem) options_.on_problem({}, loaded.error());
    return false;
}

void CredentialStore::read(Entry& entry) {
    entry.files.note_read(stamps_of(entry.state.files));
    if (!trust_) return;  // trust_problem_ says why
    auto loaded = Credentials::load(entry.state.files, *trust_);
    if (loaded) {
        take(entry, std::move(*loaded));
        return;
    }
    // Whom to believe is not for a certificate of our own to hold up.
    if (entry.state.credentials && trust_ != entry.trust)
        if (auto unchecked = Credentials::load_unchecked(entry.state.files, *trust_); unchecked)
            take(entry, std::move(*unchecked));
    set_problem(entry, loaded.error());
}

void CredentialStore::take(Entry& entry, std::shared_ptr<const Credentials> credentials) {
    entry.trust = trust_;
    entry.state.credentials = std::move(credentials);
    entry.state.problem.clear();
    entry.state.since = std::chrono::system_clock::now();
}

void CredentialStore::set_problem(Entry& entry, const base::Error& error) {
    auto message = error.message();
    if (entry.state.problem == message) return;
    entry.state.problem = std::move(message);
    entry.state.since = std::chrono::system_clock::now();
    if (options_.on_problem) options_.on_problem(entry.state.name, error);
}

FollowedFiles::Stamps CredentialStore::trust_stamps() const {
    return FollowedFiles::stamps_of({tls_->authorities, tls_->revoked});
}

}  // namespace meshd::tls
