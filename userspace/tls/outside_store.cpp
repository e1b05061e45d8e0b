// SPDX-License-Identifier: Apache-2.0
#include "tls/outside_store.hpp"

#include <utility>

namespace meshd::tls {

namespace {

constexpr unsigned looks_between_tries = 60;  // of what was bad and did not change: somebody may let the worker read it

FollowedFiles::Stamps stamps_of(const model::OutsideCredentials& wanted) {
    std::vector<std::string> paths;
    for (const auto* const path : {&wanted.authorities, &wanted.files.certificate, &wanted.files.key})
        if (!path->empty()) paths.push_back(*path);
    return FollowedFiles::stamps_of(paths);
}

}  // namespace

OutsideStore::OutsideStore(boost::asio::io_context& io, Options options) : options_(std::move(options)), timer_(io) {}

void OutsideStore::follow(const std::vector<model::OutsideCredentials>& all) {
    unknown_.clear();
    auto before = std::exchange(entries_, {});
    if (auto system = before.extract("")) entries_.insert(std::move(system));
    for (const auto& wanted : all) {
        auto known = before.extract(wanted.name);
        auto& entry = known ? entries_.insert(std::move(known)).position->second : entries_[wanted.name];
        if (entry.state.wanted == wanted) continue;
        entry.state.wanted = wanted;
        (void)read(entry);
    }
    if (all.empty())
        timer_.cancel();
    else
        wait();
}

std::shared_ptr<const Credentials> OutsideStore::of(const model::Origination& server) {
    if (server.credentials.empty() && !entries_.contains("")) (void)read(entries_[""]);
    const auto found = entries_.find(server.credentials);
    if (found == entries_.end()) {
        tell_unknown(server.credentials);
        return nullptr;
    }
    auto& entry = found->second;
    if (entry.state.trust == nullptr) return nullptr;
    if (const auto made = entry.made.find(server); made != entry.made.end())
        if (auto credentials = made->second.lock()) return credentials;
    auto credentials = entry.state.trust->credentials(server);
    if (!credentials) {
        tell(entry, credentials.error());
        return nullptr;
    }
    std::erase_if(entry.made, [](const auto& one) { return one.second.expired(); });
    entry.made.insert_or_assign(server, *credentials);
    return *credentials;
}

std::vector<OutsideStore::State> OutsideStore::states() const {
    std::vector<State> states;
    for (const auto& [name, entry] : entries_)
        if (!name.empty()) states.push_back(entry.state);
    return states;
}

void OutsideStore::wait() {
    timer_.expires_after(options_.interval);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) look();
    });
}

void OutsideStore::look() {
    const bool tries_again = ++looks_ % looks_between_tries == 0;
    bool has_changed = false;
    for (auto& [name, entry] : entries_)
        if (entry.files.should_read(stamps_of(entry.state.wanted)) || (tries_again && !entry.state.problem.empty()))
            has_changed |= read(entry);
    wait();
    if (has_changed && options_.on_change) options_.on_change();
}

// True: connections that begin go by something else now.
bool OutsideStore::read(Entry& entry) {
    entry.files.note_read(stamps_of(entry.state.wanted));
    auto loaded = OutsideTrust::load(entry.state.wanted);
    if (!loaded) {
        tell(entry, loaded.error());
        return false;
    }
    entry.state.trust = std::move(*loaded);
    entry.state.problem.clear();
    entry.state.since = std::chrono::system_clock::now();
    entry.made.clear();
    return true;
}

void OutsideStore::tell(Entry& entry, const base::Error& error) {
    auto message = error.message();
    if (entry.state.problem == message) return;
    entry.state.problem = std::move(message);
    entry.state.since = std::chrono::system_clock::now();
    if (options_.on_problem) options_.on_problem(entry.state.wanted.name, error);
}

void OutsideStore::tell_unknown(const std::string& name) {
    if (!unknown_.insert(name).second || !options_.on_problem) return;
    options_.on_problem(name, {"find", "origination.credentials", 0, "a service names them, and this node has none of that name",
                               "write them in meshd.yaml of this node, or correct the service"});
}

}  // namespace meshd::tls
