// SPDX-License-Identifier: Apache-2.0
#include "app/tls_setup.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <meshd/tls.h>
#include <spdlog/spdlog.h>

#include "app/issued_directory.hpp"
#include "kernel/cgroup.hpp"
#include "kernel/tls_hooks.hpp"
#include "steering/guarded.hpp"

namespace meshd::app {

namespace {

using namespace std::chrono_literals;

// Cgroups come and go without a word to the agent.
constexpr auto look_interval = 1s;

constexpr auto feature = "tls";

bool is_encrypted(const model::Service& service) { return service.tls.mode != model::TlsMode::off; }
bool is_outside(const model::Service& service) { return service.tls.mode == model::TlsMode::originate; }

// Listeners belong to the cgroup that this process is in: its programs must be seen there, too.
base::Result<std::optional<kernel::Cgroup>> unserved_cgroup(const std::string& mount, const std::string& served) {
    const auto own = kernel::own_cgroup(mount);
    if (own.empty() || (own + "/").starts_with(served + "/")) return std::optional<kernel::Cgroup>{};
    auto cgroup = kernel::Cgroup::open(own);
    if (!cgroup) return tl::make_unexpected(cgroup.error());
    return std::optional(std::move(*cgroup));
}

md_address encode(const std::optional<base::IpAddress>& address) {
    md_address value{};
    if (address) std::memcpy(value.bytes, address->bytes.data(), sizeof value.bytes);
    return value;
}

}  // namespace

base::Result<void> TlsSetup::begin() {
    const auto mount = kernel::cgroup_mount();
    if (!mount) return tl::make_unexpected(mount.error());
    maps_.emplace(*context_.datapath);
    identities_.emplace(*mount);
    auto watch = forwarding::DeviceWatch::start(io_, [this] {
        look_around();
        apply();
    });
    if (!watch) return tl::make_unexpected(watch.error());
    network_watch_ = std::move(*watch);
    look_around();
    apply();
    wait();
    return {};
}

void TlsSetup::look_around() {
    auto own = steering::own_addresses();
    if (own)
        own_ = std::move(*own);
    else
        spdlog::warn("{}", own.error().message());
}

// Until all registries have answered, what an earlier agent left in the tables counts. `flag`: of MD_TLS_*.
bool TlsSetup::may_be_left(std::uint8_t flag) const {
    if (context_.reconciler->desired().complete) return false;
    const auto& services = context_.reconciler->realized().services();
    return std::any_of(services.begin(), services.end(), [&](const auto& one) {
        return !one.second.table.empty() && (one.second.table.front().table.tls & flag) != 0;
    });
}

bool TlsSetup::is_needed() const { return !encrypted_.empty() || may_be_left(MD_TLS_MUTUAL); }

// Backends outside of the mesh need no certificates of it.
bool TlsSetup::has_work() const { return context_.settings.tls || !outside_.empty() || may_be_left(MD_TLS_SAME_NODE); }

void TlsSetup::before_services_change(const std::vector<model::ServicePtr>& upsert) {
    const bool was_needed = is_needed(), had_work = has_work();
    for (const auto& service : upsert) {
        if (is_encrypted(*service)) encrypted_.insert(service->name);
        if (is_outside(*service)) outside_.insert(service->name);
    }
    if (was_needed != is_needed() || had_work != has_work()) apply();
}

void TlsSetup::before_attach() {
    for (const auto& [name, service] : context_.reconciler->desired().services) {
        if (is_encrypted(*service)) encrypted_.insert(name);
        if (is_outside(*service)) outside_.insert(name);
    }
    services_changed();
}

void TlsSetup::services_changed() {
    const auto& desired = context_.reconciler->desired().services;
    std::erase_if(encrypted_, [&](const std::string& name) {
        const auto found = desired.find(name);
        return found == desired.end() || !is_encrypted(*found->second);
    });
    std::erase_if(outside_, [&](const std::string& name) {
        const auto found = desired.find(name);
        return found == desired.end() || !is_outside(*found->second);
    });
    apply();
}

void TlsSetup::settings_changed() { apply(); }

void TlsSetup::check() {
    is_withdrawn_ = false;
    look_around();
    if (settings_) identities_->look_everywhere();
    apply();
}

void TlsSetup::apply() {
    if (has_work()) return apply_in_order();
    if (!is_withdrawn_) withdraw();
    tell_who_needs_it();
}

void TlsSetup::tell_who_needs_it() {
    std::vector<std::string> all;
    std::set_difference(encrypted_.begin(), encrypted_.end(), outside_.begin(), outside_.end(), std::back_inserter(all));
    const bool is_left = encrypted_.empty() && may_be_left(MD_TLS_MUTUAL);
    if (context_.settings.tls || (all.empty() && !is_left)) return context_.degradations.clear(feature);
    const auto name = all.empty() ? std::string("a service") : all.front();
    context_.degradations.set(feature,
                              name + (all.size() > 1 ? " and " + std::to_string(all.size() - 1) + " more services" : "") +
                                  " must be encrypted, and this node has no certificates: connections are refused",
                              "give the configuration a section `tls`");
}

void TlsSetup::apply_in_order() {
    is_withdrawn_ = false;
    base::Result<void> done = make_issued_directory(context_.settings);
    if (done) done = open_listeners();
    if (done) done = put_identities();
    if (done) done = put_guarded();
    if (done) done = arrange_programs();
    if (done) done = steer();
    if (done) return tell_who_needs_it();
    if (auto closed = maps_->steer({}); !closed) spdlog::error("{}", closed.error().message());
    context_.degradations.set(feature, done.error().message() + "; connections to services that must be encrypted are refused",
                              "tried again with each comparison (reconcile.interval)");
}

void TlsSetup::withdraw() {
    base::Result<void> done = maps_->steer({});
    if (done) done = kernel::detach_tls(*context_.datapath);
    if (done)
        if (auto set = maps_->set_identities({}); !set) done = tl::make_unexpected(set.error());
    if (done)
        if (auto set = maps_->set_guarded({}); !set) done = tl::make_unexpected(set.error());
    if (!done) spdlog::warn("{}", done.error().message());
    is_withdrawn_ = done.has_value();
    identities_->set({});
    handover_.set("outbound", nullptr);
    handover_.set("inbound", nullptr);
    outbound_ = inbound_ = nullptr;
    settings_.reset();
}

// Those of before are open until the kernel leads nobody there any more: see steer().
base::Result<void> TlsSetup::open_listeners() {
    const auto& tls = context_.settings.tls;
    const auto& origination = context_.settings.origination;
    const auto count = model::relay_threads(tls ? tls->threads : 0);
    const auto open = [&](const char* name, std::uint16_t port, steering::ListenersPtr& now) -> base::Result<void> {
        if (now && now->port == port && now->sockets.size() == count) return {};
        auto opened = handover_.open(name, {{}, port}, count, "tls");
        if (!opened) return tl::make_unexpected(opened.error());
        now = std::move(*opened);
        handover_.set(name, now);
        return {};
    };
    if (tls) {
        if (auto done = open("inbound", tls->inbound_port, inbound_); !done) return done;
    } else if (inbound_ != nullptr) {
        handover_.set("inbound", nullptr);
        inbound_ = nullptr;
    }
    return open("outbound", tls ? tls->outbound_port : origination.outbound_port, outbound_);
}

steering::PodPlaces TlsSetup::pod_places() const {
    const auto& settings = context_.settings;
    if (!settings.tls || !model::names_pods(settings.tls->identities)) return {};
    steering::PodPlaces places{{}, model::pods_of_node(settings.tls->identities, context_.pods)};
    for (const auto& one : settings.registries.kubernetes) places.roots.push_back(one.cgroup_root);
    return places;
}

bool TlsSetup::pods_changed() {
    if (!settings_) return false;
    const auto before = settings_->identities;
    if (auto put = put_identities(); !put) spdlog::warn("{}", put.error().message());
    return settings_->identities != before;
}

base::Result<void> TlsSetup::put_identities() {
    auto tls = context_.tls_settings();
    const auto wanted = tls ? tls->identities : std::vector<model::WorkloadIdentity>{};
    auto pods = pod_places();
    if (!settings_ || settings_->identities != wanted || pods_ != pods) identities_->set(wanted, pods);
    settings_ = std::move(tls);
    pods_ = std::move(pods);
    tell_pods_refused();
    const auto changed = maps_->set_identities(identities_->entries());
    if (!changed) return tl::make_unexpected(changed.error());
    return {};
}

// A few of them are named: they are all of one kind, most often.
void TlsSetup::tell_pods_refused() {
    constexpr auto of_pods = "pods";
    constexpr std::size_t most_named = 3;
    const auto& tls = context_.settings.tls;
    if (!tls || !settings_) return context_.degradations.clear(of_pods);
    const auto refused = model::pods_without_identity(tls->identities, settings_->identities, context_.pods);
    if (refused.empty()) return context_.degradations.clear(of_pods);
    std::string names;
    for (std::size_t i = 0; i < std::min(refused.size(), most_named); ++i) names += (i == 0 ? "" : ", ") + refused[i].full_name();
    if (refused.size() > most_named) names += fmt::format(" and {} more", refused.size() - most_named);
    context_.degradations.set(of_pods,
                              "no identity can be made for " + names + "; what they connect to encrypted services is refused",
                              "give them shorter names under `tls.identities`: at most 127 characters, and each its own");
}

base::Result<void> TlsSetup::put_guarded() {
    const auto& desired = context_.reconciler->desired();
    const bool has_inbound = context_.settings.tls.has_value();
    auto guarded = has_inbound ? steering::guarded_of(encrypted_, desired.services, context_.reconciler->realized(), own_)
                               : kernel::Guarded{};
    if (has_inbound && !desired.complete) {
        // What an earlier agent guards stays guarded: its service may be there.
        auto before = maps_->guarded();
        if (!before) return tl::make_unexpected(before.error());
        guarded.merge(*before);
    }
    const auto changed = maps_->set_guarded(guarded);
    if (!changed) return tl::make_unexpected(changed.error());
    return {};
}

base::Result<void> TlsSetup::arrange_programs() {
    if (!is_needed()) return kernel::detach_tls(*context_.datapath);
    const auto programs = kernel::tls_programs(*context_.datapath);
    const bool are_there =
        !programs.empty() && std::all_of(programs.begin(), programs.end(), [](const auto& one) { return one.attached; });
    if (are_there) return {};
    const auto served = kernel::Cgroup::open(context_.cgroup_path);
    if (!served) return tl::make_unexpected(served.error());
    const auto mount = kernel::cgroup_mount();
    if (!mount) return tl::make_unexpected(mount.error());
    const auto own = unserved_cgroup(*mount, context_.cgroup_path);
    if (!own) return tl::make_unexpected(own.error());
    return kernel::attach_tls(*context_.datapath, *served, *own);
}

base::Result<void> TlsSetup::steer() {
    md_steering steering{};
    steering.address_v4 = encode(steering::node_address(own_, true));
    steering.address_v6 = encode(steering::node_address(own_, false));
    steering.port = htons(outbound_->port);
    return maps_->steer(steering);
}

void TlsSetup::wait() {
    timer_.expires_after(look_interval);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        if (settings_ && identities_->look_again())
            if (auto put = put_identities(); !put) spdlog::warn("{}", put.error().message());
        wait();
    });
}

}  // namespace meshd::app
