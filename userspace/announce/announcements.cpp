// SPDX-License-Identifier: Apache-2.0
#include "announce/announcements.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "announce/consul_protocol.hpp"
#include "announce/etcd_protocol.hpp"

namespace meshd::announce {

using std::chrono::system_clock;

namespace {

health::ProberOptions options() {
    health::ProberOptions options;
    options.seed = std::random_device()();
    return options;
}

// Whether what was told there is there still.
bool is_same_place(const model::ConsulRegistry& a, const model::ConsulRegistry& b) {
    return a.url == b.url && a.partition_ns == b.partition_ns;
}
bool is_same_place(const model::EtcdRegistry& a, const model::EtcdRegistry& b) {
    return a.endpoints == b.endpoints && a.prefix == b.prefix;
}

// As the prober wants it: a service with one backend.
model::Service probed(const model::Announcement& what) {
    model::Service service;
    service.name = what.id();
    model::Backend backend;
    backend.endpoint = what.endpoint;
    service.ports.push_back({"", what.endpoint.port, base::Protocol::tcp, {std::move(backend)}, 0});
    service.health.probe = what.probe;
    return service;
}

template <typename Settings>
const Settings* find(const std::vector<Settings>& all, const std::string& name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace

Announcements::Announcements(boost::asio::io_context& io, std::function<void()> changed)
    : io_(io),
      changed_(std::move(changed)),
      client_(io),
      prober_(
          io, [this] { take_news(); }, options()) {}

Announcements::~Announcements() = default;

// ---- What is to be announced ----

void Announcements::follow(const Plan& plan) {
    if (left_) return;
    const auto before = std::exchange(plan_, plan);
    std::erase_if(plan_.announcements, [&](const auto& what) {
        return find(plan_.registries.consul, what.registry) == nullptr && find(plan_.registries.etcd, what.registry) == nullptr;
    });
    std::set<std::string> ids;
    std::set<std::string> registries;
    for (const auto& what : plan_.announcements) {
        ids.insert(what.id());
        registries.insert(what.registry);
    }
    for (auto item = items_.begin(); item != items_.end();) {
        const auto& [id, one] = *item;
        const auto told = told_.find(one.what.registry);
        if (ids.contains(id)) {
            ++item;
            continue;
        }
        if (told != told_.end()) told->second.registrar->drop(id);
        prober_.remove(id);
        item = items_.erase(item);
    }
    keep_registries(registries);
    follow_kind<ConsulProtocol>("consul", before.registries.consul, plan_.registries.consul);
    follow_kind<EtcdProtocol>("etcd", before.registries.etcd, plan_.registries.etcd);
    for (const auto& what : plan_.announcements) take(what);
    look();
}

template <typename Protocol, typename Settings>
void Announcements::follow_kind(const std::string& kind, const std::vector<Settings>& before, const std::vector<Settings>& now) {
    for (const auto& one : now) {
        const bool is_used = std::any_of(plan_.announcements.begin(), plan_.announcements.end(),
                                         [&](const auto& what) { return what.registry == one.name; });
        if (!is_used) continue;
        const auto* const old = find(before, one.name);
        auto told = told_.find(one.name);
        if (told != told_.end() && (old == nullptr || told->second.kind != kind || !is_same_place(*old, one))) {
            let_go(one.name);
            told = told_.end();
        }
        auto protocol = std::make_unique<Protocol>(client_, one);
        if (told == told_.end())
            told_[one.name] = {kind,
                               std::make_unique<Registrar>(io_, kind + ':' + one.name, std::move(protocol), [this] { look(); })};
        else if (*old != one)
            told->second.registrar->use(std::move(protocol));
    }
}

// Of a registry that is not to be told any more.
void Announcements::keep_registries(const std::set<std::string>& names) {
    std::vector<std::string> unused;
    for (const auto& [name, told] : told_)
        if (!names.contains(name)) unused.push_back(name);
    for (const auto& name : unused) let_go(name);
}

void Announcements::let_go(const std::string& name) {
    auto told = told_.extract(name);
    leaving_.push_back(std::move(told.mapped().registrar));
    leaving_.back()->leave([this] { boost::asio::post(io_, [this] { forget_left(); }); });
    for (auto& [id, item] : items_)
        if (item.what.registry == name) item.may_be_known = false;
}

void Announcements::forget_left() {
    std::erase_if(leaving_, [](const auto& registrar) { return registrar->is_empty(); });
    if (leaving_.empty() && left_) std::exchange(left_, [] {})();
}

void Announcements::withdraw(std::function<void()> done) {
    left_ = std::move(done);
    for (const auto& [id, item] : items_) prober_.remove(id);
    items_.clear();
    keep_registries({});
    boost::asio::post(io_, [this] { forget_left(); });
}

void Announcements::take(const model::Announcement& what) {
    const auto id = what.id();
    auto [at, is_new] = items_.try_emplace(id);
    auto& item = at->second;
    item.what = what;
    if (is_new) {
        item.since = system_clock::now();
        item.may_be_known = plan_.known.contains(id);
        // An earlier worker has found it well: it stays so until its probe says otherwise.
        if (item.may_be_known) item.is_well = true;
    }
    if (!what.probe) {
        item.is_well = true;
        item.reason.clear();
    }
    prober_.set(probed(what));
    tell(id, item);
}

// ---- How it stands ----

void Announcements::take_news() {
    for (const auto& news : prober_.take_news()) {
        const auto at = items_.find(news.service);
        if (at == items_.end() || !at->second.what.probe) continue;
        at->second.is_well = news.healthy;
        at->second.reason = news.reason();
        spdlog::log(news.healthy ? spdlog::level::info : spdlog::level::warn, "{} is {}: {}", news.service,
                    news.healthy ? "well" : "not well", news.reason());
        tell(at->first, at->second);
    }
    look();
}

void Announcements::tell(const std::string& id, const Item& item) {
    if (!item.is_well) return;
    Wanted wanted{item.what, plan_.locality, *item.is_well, plan_.drained.contains(item.what.name), {}};
    wanted.why = !item.what.probe ? "meshd runs on its host" : item.reason.empty() ? "as before meshd began" : item.reason;
    told_.at(item.what.registry).registrar->want(id, std::move(wanted), item.may_be_known);
}

State Announcements::state_of(const std::string& id, const Item& item) const {
    const auto& registrar = *told_.at(item.what.registry).registrar;
    if (!registrar.error(id).empty()) return State::error;
    if (!item.is_well) return State::pending;
    if (!*item.is_well) return State::failing;
    if (!registrar.is_announced(id)) return State::pending;
    return plan_.drained.contains(item.what.name) ? State::drained : State::announced;
}

void Announcements::look() {
    for (auto& [id, item] : items_) {
        const auto now = state_of(id, item);
        if (std::exchange(item.state, now) != now) item.since = system_clock::now();
    }
    changed_();
}

std::vector<View> Announcements::views() const {
    std::vector<View> all;
    for (const auto& [id, item] : items_) {
        const auto& told = told_.at(item.what.registry);
        all.push_back({id, item.what.name, item.what.registry, told.kind, item.what.endpoint, item.state,
                       told.registrar->error(id), item.since, item.reason, told.registrar->is_announced(id)});
    }
    return all;
}

std::map<std::string, std::uint64_t> Announcements::failures() const {
    std::map<std::string, std::uint64_t> all;
    for (const auto& [name, told] : told_) all[name] = told.registrar->failures();
    return all;
}

}  // namespace meshd::announce
