// SPDX-License-Identifier: Apache-2.0
#include "tls/edge_store.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "tls/followed_files.hpp"
#include "tls/ticket_keys.hpp"

namespace meshd::tls {

using std::chrono::system_clock;

namespace {

constexpr unsigned looks_between_tries = 60;  // of what was bad and did not change: somebody may let the worker read it

FollowedFiles::Stamps stamps_of(const model::EdgeCertificate& files) {
    std::vector paths{files.files.certificate, files.files.key};
    if (!files.ocsp.empty()) paths.push_back(files.ocsp);
    return FollowedFiles::stamps_of(paths);
}

}  // namespace

struct EdgeStore::Entry {
    State state;
    model::TlsProfile profile{};
    std::shared_ptr<TicketKeys> tickets;
    FollowedFiles files;
    bool is_good = false;  // what the files hold now is in use
};

struct EdgeStore::Listener {
    model::EdgeListener settings;
    std::shared_ptr<TicketKeys> tickets = std::make_shared<TicketKeys>();
    std::vector<Entry> entries;
};

EdgeStore::EdgeStore(boost::asio::io_context& io, Options options) : options_(std::move(options)), timer_(io) {}
EdgeStore::~EdgeStore() = default;

void EdgeStore::follow(const model::EdgeListeners& listeners) {
    auto before = std::exchange(listeners_, {});
    for (const auto& settings : listeners) {
        const auto known = std::find_if(before.begin(), before.end(),
                                        [&](const auto& one) { return one && one->settings.name == settings.name; });
        const auto old = known == before.end() ? nullptr : std::move(*known);
        auto& listener = *listeners_.emplace_back(std::make_unique<Listener>());
        listener.settings = settings;
        if (old) listener.tickets = old->tickets;
        for (const auto& files : settings.certificates) {
            auto& entry = listener.entries.emplace_back();
            if (old && old->settings.profile == settings.profile)
                for (auto& one : old->entries)
                    if (one.state.files == files && entry.state.listener.empty()) entry = std::move(one);
            if (!entry.state.listener.empty()) continue;
            entry.state.listener = settings.name;
            entry.state.files = files;
            entry.profile = settings.profile;
            entry.tickets = listener.tickets;
            read(entry);
        }
    }
    if (listeners_.empty())
        timer_.cancel();
    else
        wait();
}

std::map<std::string, std::shared_ptr<const EdgeContext>> EdgeStore::contexts() const {
    std::map<std::string, std::shared_ptr<const EdgeContext>> all;
    for (const auto& listener : listeners_) {
        std::vector<EdgeContext::CertificatePtr> good;
        std::vector<std::string> awaited;
        for (const auto& entry : listener->entries) {
            const auto& [certificate, names] = std::tie(entry.state.certificate, entry.state.files.acme);
            if (certificate)
                good.push_back(certificate);
            else
                awaited.insert(awaited.end(), names.begin(), names.end());
        }
        all.emplace(listener->settings.name,
                    good.empty() ? nullptr : std::make_shared<const EdgeContext>(good, listener->settings.strict_names, awaited));
    }
    return all;
}

std::vector<EdgeStore::State> EdgeStore::states() const {
    std::vector<State> all;
    for (const auto& listener : listeners_)
        for (const auto& entry : listener->entries) all.push_back(entry.state);
    return all;
}

void EdgeStore::wait() {
    timer_.expires_after(options_.interval);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error && !listeners_.empty()) look();
    });
}

void EdgeStore::look() {
    const bool tries_again = ++looks_ % looks_between_tries == 0;
    bool is_changed = false;
    for (const auto& listener : listeners_)
        for (auto& entry : listener->entries) {
            const auto before = entry.state.certificate;
            if (entry.files.should_read(stamps_of(entry.state.files)) || (tries_again && !entry.is_good))
                read(entry);
            else if (entry.is_good)
                set_problem(entry, entry.state.certificate->problem(system_clock::now()));  // time goes on
            is_changed = is_changed || entry.state.certificate != before;
        }
    wait();
    if (is_changed && options_.on_change) options_.on_change();
}

void EdgeStore::read(Entry& entry) {
    auto& state = entry.state;
    auto stamps = stamps_of(state.files);
    // Who asks for it tells why there is none yet.
    const bool is_awaited = !state.files.acme.empty() && !state.certificate && !stamps.front();
    entry.files.note_read(std::move(stamps));
    if (is_awaited) {
        if (state.since == system_clock::time_point{}) state.since = system_clock::now();
        return;
    }
    auto loaded = EdgeCertificate::load(state.files, entry.profile, entry.tickets);
    if (!loaded) {
        entry.is_good = false;
        return set_problem(entry, loaded.error().message());
    }
    const auto now = system_clock::now();
    const auto ends = (*loaded)->not_after();
    const bool is_worse = state.certificate && ends <= now && now < state.certificate->not_after();
    entry.is_good = !is_worse;
    set_problem(entry, (*loaded)->problem(now));
    if (is_worse) return;
    state.certificate = std::move(*loaded);
    state.since = now;
}

void EdgeStore::set_problem(Entry& entry, const std::string& problem) {
    if (entry.state.problem == problem && entry.state.since != system_clock::time_point{}) return;
    entry.state.problem = problem;
    entry.state.since = system_clock::now();
    if (!problem.empty() && options_.on_problem) options_.on_problem(entry.state.listener, problem);
}

}  // namespace meshd::tls
