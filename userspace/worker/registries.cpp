// SPDX-License-Identifier: Apache-2.0
#include "worker/followed.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "registry/consul/consul_source.hpp"
#include "registry/dns/dns_source.hpp"
#include "registry/etcd/etcd_source.hpp"
#include "registry/kubernetes/kubernetes_source.hpp"

namespace meshd::worker {

using boost::system::error_code;
using registry::Intake;

namespace {

constexpr std::chrono::milliseconds files_retry_time{2000};

// Not all nodes of a fleet at the same moment.
std::chrono::milliseconds about(std::chrono::milliseconds time) {
    static std::minstd_rand draw{std::random_device{}()};
    const std::int64_t tenth = std::max<std::int64_t>(time.count() / 10, 1);
    return time + std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(-tenth, tenth)(draw));
}

// The same registry by another way, perhaps: what it said holds until it has answered again.
void carry_over(const Intake& from, Intake& to) {
    std::vector<model::ServicePtr> services;
    for (const auto& [name, service] : from.services()) services.push_back(service);
    if (from.last_answer()) to.remember(std::move(services), *from.last_answer());
    for (const auto& [query, set] : from.sets()) to.remember_set(query, set);
    if (from.pods()) to.put_pods(*from.pods());
    to.remember_settings(from.settings());
}

}  // namespace

Registries::Registries(boost::asio::io_context& io, Handlers handlers)
    : io_(io),
      handlers_(std::move(handlers)),
      client_(io),
      files_retry_(io),
      collect_timer_(io),
      tick_timer_(io),
      sync_timer_(io) {}

Registries::~Registries() = default;

// ---- Who is followed ----

bool Registries::follow(const std::string& directory, const model::Registries& settings) {
    const bool is_another = !files_ || directory != directory_;
    directory_ = directory;
    if (is_another) {
        files_.reset();
        state_ = {};
    }
    follow_servers(settings);
    if (is_another) {
        spdlog::info("following {}", directory_);
        start_files();
    } else {
        collect();
    }
    handlers_.on_status();
    return is_another;
}

void Registries::start_files() {
    registry::FileSourceHandlers handlers;
    handlers.on_change = [this](const registry::Change& change) { take_files(change); };
    handlers.on_status = [this] { handlers_.on_status(); };
    files_ = std::make_unique<registry::FileSource>(io_, directory_, std::move(handlers));
    const auto started = files_->start();
    files_error_ = started ? std::string{} : started.error().message();
    if (started) return;
    files_.reset();
    spdlog::error("{}; trying again every {} ms", files_error_, files_retry_time.count());
    handlers_.on_status();
    files_retry_.expires_after(files_retry_time);
    files_retry_.async_wait([this](error_code ec) {
        if (!ec && !files_) start_files();
    });
}

void Registries::take_files(const registry::Change& change) {
    const auto rank = ranks_.at(files_name);
    for (const auto& name : change.remove) merger_.put(rank, name, nullptr);
    for (const auto& service : change.upsert) merger_.put(rank, service->name, service);
    for (const auto& [service, settings] : change.settings) settings_of_.put(rank, service, settings);
    rules_changed_ = rules_changed_ || change.rules_changed;
    if (files_were_complete_ != change.complete) await_settings();
    files_were_complete_ = change.complete;
    collect();
}

void Registries::follow_servers(const model::Registries& settings) {
    auto before = std::exchange(settings_, settings);
    std::map<std::string, std::unique_ptr<Followed>> kept;
    follow_kind<registry::KubernetesSource>("kubernetes", before.kubernetes, settings_.kubernetes, kept);
    follow_kind<registry::consul::ConsulSource>("consul", before.consul, settings_.consul, kept);
    follow_kind<registry::etcd::EtcdSource>("etcd", before.etcd, settings_.etcd, kept);
    auto old_dns = followed_.extract(dns_name);
    followed_ = std::move(kept);
    if (old_dns && before.dns == settings_.dns)
        followed_.insert(std::move(old_dns));
    else if (old_dns)
        carry_over(old_dns.mapped()->intake, dns().intake);
    for (auto& [name, followed] : followed_) followed->intake.set_hold(settings_.hold);
    rank();
    ask_queries();
    sync_later();
}

template <typename SourceType, typename Settings>
void Registries::follow_kind(const std::string& kind, const std::vector<Settings>& before, const std::vector<Settings>& now,
                             std::map<std::string, std::unique_ptr<Followed>>& kept) {
    for (const auto& one : now) {
        auto old = followed_.extract(one.name);
        const bool is_same = std::find(before.begin(), before.end(), one) != before.end();
        if (old && is_same) {
            kept.insert(std::move(old));
            continue;
        }
        auto followed = follow_one(
            kind, one.name, [this, &one](Intake& intake) { return std::make_unique<SourceType>(io_, client_, one, intake); });
        if (old && old.mapped()->kind == kind) carry_over(old.mapped()->intake, followed->intake);
        followed->source->start();
        kept.emplace(one.name, std::move(followed));
    }
}

std::unique_ptr<Registries::Followed> Registries::follow_one(const std::string& kind, const std::string& name, const Make& make) {
    Intake::Handlers handlers;
    handlers.changed = [this] { collect_soon(); };
    handlers.status = [this] { handlers_.on_status(); };
    handlers.confirm = [this, name] {
        tick_soon(std::chrono::steady_clock::now() + settings_.hold.time);
        // Not from within the source's own call.
        boost::asio::post(io_, [this, name] { sync(name); });
    };
    auto followed = std::make_unique<Followed>(kind, name, settings_.hold, std::move(handlers));
    followed->source = make(followed->intake);
    spdlog::info("following {}", followed->intake.source());
    return followed;
}

void Registries::rank() {
    std::vector<std::string> names = settings_.order;
    names.push_back(files_name);
    for (const auto& one : settings_.kubernetes) names.push_back(one.name);
    for (const auto& one : settings_.consul) names.push_back(one.name);
    for (const auto& one : settings_.etcd) names.push_back(one.name);
    ranks_.clear();
    for (const auto& name : names) ranks_.try_emplace(name, ranks_.size());

    merger_ = {};
    settings_of_.clear();
    look_at_all_ = true;
    if (files_) {
        for (const auto& [name, service] : files_->state().services) merger_.put(ranks_.at(files_name), name, service);
        for (const auto& [name, settings] : files_->settings()) settings_of_.put(ranks_.at(files_name), name, settings);
    }
    for (auto& [name, followed] : followed_) {
        if (name == dns_name) continue;
        followed->rank = ranks_.at(name);
        for (const auto& [service_name, service] : followed->intake.services())
            merger_.put(followed->rank, service_name, service);
        for (const auto& [service_name, settings] : followed->intake.settings())
            settings_of_.put(followed->rank, service_name, settings);
    }
    await_settings();
    rules_changed_ = true;
}

// One for all queries, when the first is there.
Registries::Followed& Registries::dns() {
    auto& followed = followed_[dns_name];
    if (!followed) {
        followed = follow_one(dns_name, dns_name, [this](Intake& intake) {
            return std::make_unique<registry::dns::DnsSource>(io_, settings_.dns, intake);
        });
        followed->source->start();
    }
    return *followed;
}

// ---- Time ----

void Registries::tick_soon(std::chrono::steady_clock::time_point when) {
    if (tick_timer_.expiry() > std::chrono::steady_clock::now() && tick_timer_.expiry() <= when) return;
    tick_timer_.expires_at(when);
    tick_timer_.async_wait([this](error_code ec) {
        if (!ec) tick();
    });
}

void Registries::tick() {
    for (auto& [name, followed] : followed_)
        if (const auto next = followed->intake.tick()) tick_soon(*next);
}

void Registries::sync_later() {
    sync_timer_.expires_after(about(settings_.resync));
    sync_timer_.async_wait([this](error_code ec) {
        if (ec) return;
        for (auto& [name, followed] : followed_) followed->source->sync();
        sync_later();
    });
}

bool Registries::sync(const std::string& name) {
    bool found = false;
    if (files_ && (name.empty() || name == files_name)) {
        files_->sync();
        found = true;
    }
    for (auto& [one, followed] : followed_) {
        if (!name.empty() && name != one) continue;
        followed->source->sync();
        found = true;
    }
    return found;
}

}  // namespace meshd::worker
