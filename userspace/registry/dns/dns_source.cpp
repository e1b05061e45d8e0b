// SPDX-License-Identifier: Apache-2.0
#include "registry/dns/dns_source.hpp"

#include <algorithm>
#include <utility>

#include "registry/dns/backends.hpp"

namespace meshd::registry::dns {

namespace {

constexpr std::size_t most_under_way = 100;  // a server takes more than that for an attack

}  // namespace

DnsSource::DnsSource(boost::asio::io_context& io, model::DnsSettings settings, Intake& intake)
    : io_(io), settings_(std::move(settings)), intake_(intake), timer_(io) {}

void DnsSource::start() {
    is_started_ = true;
    resolver_ = std::make_unique<Resolver>(io_, settings_.servers);
    ask_due();
}

void DnsSource::sync() {
    if (!is_started_) return;
    for (auto& [question, state] : questions_) {
        state.due = Clock::now();
        state.again = state.asking != 0;
    }
    // The file that names the servers may be another now; questions that are under way go on to the old ones.
    if (settings_.servers.empty() && under_way_ == 0) resolver_ = std::make_unique<Resolver>(io_, settings_.servers);
    ask_due();
}

void DnsSource::want(const std::set<model::BackendsFrom>& queries) {
    if (wanted_ == queries) return;
    std::set<model::BackendsFrom> added;
    std::set_difference(queries.begin(), queries.end(), wanted_.begin(), wanted_.end(), std::inserter(added, added.end()));
    wanted_ = queries;
    update_questions();
    // Another service may have asked the same already.
    for (const auto& query : added)
        if (auto backends = backends_from(query)) intake_.put_set(query, std::move(*backends));
    if (!intake_.error().empty()) report();  // of a name that nobody wants any more
    ask_due();
}

// ---- Which questions there are ----

std::set<DnsSource::Question> DnsSource::questions_of(const model::BackendsFrom& query) const {
    if (query.kind == model::BackendsFrom::Kind::dns) return {{query.name, RecordType::a}, {query.name, RecordType::aaaa}};
    std::set<Question> all{{query.name, RecordType::srv}};
    const auto found = questions_.find({query.name, RecordType::srv});
    if (found == questions_.end() || !found->second.last) return all;
    for (const auto& record : records_in_use(found->second.last->services)) {
        all.insert({record.target, RecordType::a});
        all.insert({record.target, RecordType::aaaa});
    }
    return all;
}

std::set<DnsSource::Question> DnsSource::needed() const {
    std::set<Question> all;
    for (const auto& query : wanted_) all.merge(questions_of(query));
    return all;
}

void DnsSource::update_questions() {
    const auto now = needed();
    for (const auto& question : now) questions_.try_emplace(question);
    std::erase_if(questions_, [&](const auto& entry) { return !now.contains(entry.first); });
}

// ---- Asking ----

void DnsSource::ask_due() {
    if (!is_started_) return;
    const auto now = Clock::now();
    auto next = Clock::time_point::max();
    for (auto& [question, state] : questions_) {
        if (state.asking != 0) continue;
        if (state.due <= now && under_way_ < most_under_way)
            ask(question, state);
        else if (state.due > now)
            next = std::min(next, state.due);
    }
    if (next == Clock::time_point::max()) return;
    timer_.expires_at(next);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (!error && !alive.expired()) ask_due();
    });
}

void DnsSource::ask(const Question& question, State& state) {
    ++under_way_;
    state.asking = ++last_number_;
    state.again = false;
    resolver_->ask(
        question.name, question.type,
        [this, question, number = state.asking, alive = std::weak_ptr(alive_)](tl::expected<Answer, LookupError> reply) {
            if (!alive.expired()) on_reply(question, number, std::move(reply));
        });
}

void DnsSource::on_reply(const Question& question, std::uint64_t number, tl::expected<Answer, LookupError> reply) {
    --under_way_;
    const auto found = questions_.find(question);
    if (found == questions_.end() || found->second.asking != number) return ask_due();  // nobody wants it any more
    auto& state = found->second;
    state.asking = 0;
    const bool is_good = reply.has_value();
    if (is_good) {
        state.due = Clock::now() + lifetime(reply->ttl);
        state.last = std::move(*reply);
        state.error.reset();
        state.backoff.reset();
    } else {
        state.due = Clock::now() + state.backoff.next(chance());
        state.error = std::move(reply.error());
        intake_.failed(state.error->kind, state.error->error);
    }
    if (std::exchange(state.again, false)) state.due = Clock::now();
    update_questions();
    for (const auto& query : wanted_) {
        if (!questions_of(query).contains(question)) continue;
        if (auto backends = backends_from(query)) intake_.put_set(query, std::move(*backends));
    }
    if (is_good) report();
    ask_due();
}

// A little more than its time, so that a server which counts down does not answer with the rest of it; and not at the same moment
// on every node.
DnsSource::Clock::duration DnsSource::lifetime(std::chrono::seconds ttl) {
    const auto time = std::clamp<std::chrono::milliseconds>(ttl, settings_.least_ttl, settings_.most_ttl);
    return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(time.count()) * (1 + 0.1 * chance())));
}

// The registry has answered when every name has been, and none fails.
void DnsSource::report() {
    const auto is_well = [](const auto& entry) { return entry.second.last && !entry.second.error; };
    if (std::all_of(questions_.begin(), questions_.end(), is_well)) intake_.answered();
}

// ---- What the answers say together ----

std::vector<base::IpAddress> DnsSource::addresses_of(const std::string& host) const {
    std::vector<base::IpAddress> all;
    for (const auto type : {RecordType::a, RecordType::aaaa}) {
        const auto found = questions_.find({host, type});
        if (found == questions_.end() || !found->second.last) continue;
        const auto& addresses = found->second.last->addresses;
        all.insert(all.end(), addresses.begin(), addresses.end());
    }
    return all;
}

// Nothing while a question has neither been answered nor failed. One that has failed and was never answered does not hold up
// those that were; but that there are no backends at all is believed only when every question was answered.
std::optional<std::vector<model::Backend>> DnsSource::backends_from(const model::BackendsFrom& query) const {
    bool is_known = true;
    for (const auto& question : questions_of(query)) {
        const auto found = questions_.find(question);
        if (found == questions_.end() || !found->second.is_settled()) return std::nullopt;
        is_known = is_known && found->second.last.has_value();
    }
    std::vector<model::Backend> backends;
    if (query.kind == model::BackendsFrom::Kind::dns) {
        backends = backends_of(addresses_of(query.name));
    } else if (const auto& records = questions_.at({query.name, RecordType::srv}).last) {
        backends = backends_of(records->services, [this](const std::string& host) { return addresses_of(host); });
    }
    if (backends.empty() && !is_known) return std::nullopt;
    return backends;
}

}  // namespace meshd::registry::dns
