// SPDX-License-Identifier: Apache-2.0
#include "app/agent.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <grp.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "app/pods_file.hpp"
#include "app/worker_child.hpp"
#include "base/version.hpp"
#include "sockets/borrowed.hpp"

namespace meshd::app {

namespace {

using namespace std::chrono_literals;

constexpr auto shortest_retry = 200ms;
constexpr auto longest_retry = 60s;
constexpr auto longest_start = 10s;  // then the agent counts as started, whatever the registry does

std::optional<gid_t> group_id(const std::string& name) {
    const auto* const entry = ::getgrnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr) return std::nullopt;
    return entry->gr_gid;
}

}  // namespace

Agent::Agent(Options options, config::Settings settings)
    : options_(std::move(options)),
      bounds_(context_),
      acceleration_(context_),
      policy_(io_, context_),
      health_(context_),
      announcements_(context_, [this] { worker_.send_settings(); }),
      handover_(io_, ListenerStore::inherit()),
      tls_(io_, context_, handover_),
      tls_checks_(io_, context_, [this](const channel::TlsCheck& check) { return worker_.check_tls(check); }),
      edge_(io_, context_, handover_),
      state_file_(settings.state_directory),
      saver_(
          io_, state_file_, [this]() -> const model::DesiredState& { return reconciler_->desired(); },
          [this](const base::Result<void>& outcome) {
              if (outcome)
                  context_.degradations.clear("state file");
              else
                  context_.degradations.set("state file", outcome.error().message(),
                                            "the agent works on; a reboot would start from the last state that was saved");
          }),
      views_(
          context_,
          {[this] { return check(); }, [this](const control::LogLevelQuery& query) { override_log_level(query); },
           [this](const control::PauseQuery& query) { return acceleration_.accelerator().pause(query.service, query.duration); },
           [this](const std::optional<std::string>& service) { return acceleration_.accelerator().resume(service); },
           [this] { return acceleration_.test_again(); }, [this](const std::string& name) { return worker_.sync_registry(name); },
           [this](const std::string& name, bool is_drained) { return announcements_.set_drained(name, is_drained); },
           [this](const control::TlsCheckQuery& query, const control::Later& later) { tls_checks_.begin(query, later); },
           [this](const control::Later& later) { replace_worker(later); },
           [this]() -> base::Result<void> {
               const auto read = effective_settings(options_);
               return read ? base::Result<void>{} : tl::make_unexpected(read.error());
           }}),
      worker_(io_, context_,
              {[this](channel::Delta delta) { on_delta(std::move(delta)); },
               [this](channel::Policies policies) { policy_.set_rules(std::move(policies)); },
               [this](const channel::HealthReport& report) { health_.take(report); }, [this] { return known_services(); },
               [this] { health_.worker_ready(); }, [this](base::UniqueFd socket) { handover_.begin(std::move(socket)); },
               [this](const channel::TlsFinding& finding) { tls_checks_.take(finding); },
               [this](const http::Request& request, http::Respond respond) { show(request, std::move(respond)); },
               [this] { tls_checks_.worker_is_gone(); }, [this](channel::Pods pods) { on_pods(std::move(pods.pods)); },
               [this] { handover_.end_overlap(); }}),
      flow_export_(io_, context_, worker_),
      signals_(io_, SIGTERM, SIGINT, SIGHUP),
      check_timer_(io_),
      retry_timer_(io_),
      start_timer_(io_),
      log_timer_(io_),
      retry_delay_(shortest_retry) {
    context_.settings = std::move(settings);
    context_.started_at = std::chrono::system_clock::now();
    context_.worker = [this] { return worker_.status(); };
    context_.retired_workers = [this] { return worker_.retired(); };
}

Agent::~Agent() = default;

base::Result<void> Agent::load() {
    const auto& settings = context_.settings;
    const kernel::Pins pins(settings.bpffs);
    if (auto made = pins.make_top(); !made) return made;
    auto pins_lock = kernel::DirectoryLock::take(pins.top());
    if (!pins_lock) return tl::make_unexpected(pins_lock.error());
    pins_lock_ = std::move(*pins_lock);
    if (::mkdir(settings.run_directory.c_str(), 0755) != 0 && errno != EEXIST)
        return base::fail_errno("make directory", settings.run_directory);
    auto run_lock = kernel::DirectoryLock::take(settings.run_directory);
    if (!run_lock) return tl::make_unexpected(run_lock.error());
    run_lock_ = std::move(*run_lock);

    auto cgroup = kernel::Cgroup::open(settings.cgroup);
    if (!cgroup) return tl::make_unexpected(cgroup.error());
    cgroup_ = std::move(*cgroup);
    context_.cgroup_path = cgroup_->path();

    auto verdict = acceleration_.known_verdict();
    auto datapath =
        kernel::Datapath::load(pins, config::map_limits(settings), verdict.accounting == acceleration::Accounting::counted,
                               own_user(settings.worker_user), sockets::for_each_borrowed);
    if (!datapath) return tl::make_unexpected(datapath.error());
    datapath_ = std::move(*datapath);
    context_.datapath = &*datapath_;
    context_.adopted = datapath_->adopted();
    for (const auto& degraded : datapath_->degraded())
        context_.degradations.set(degraded.feature, degraded.reason, degraded.remedy);

    maps_.emplace(*datapath_);
    const auto tables = datapath_->map("md_tables").info();
    if (!tables) return tl::make_unexpected(tables.error());
    reconciler_.emplace(*maps_, tables->max_entries);
    context_.reconciler = &*reconciler_;
    reconciler_->set_forwarding(forward_policy(settings));
    if (auto adopted = reconciler_->adopt(); !adopted) return adopted;
    if (datapath_->migrates())
        if (auto completed = maps_->complete(reconciler_->realized()); !completed) return completed;
    health_.begin(
        io_, [this] { note_pending(); }, [this](const channel::Ejected& ejected) { worker_.send_ejected(ejected); });
    auto begun = acceleration_.begin(
        io_, *datapath_, [this]() -> const reconcile::RealizedState& { return reconciler_->realized(); }, std::move(verdict));
    if (!begun) return begun;
    context_.accelerator = &acceleration_.accelerator();
    if (auto policy = policy_.begin(); !policy) return policy;
    context_.policy = &policy_;
    load_pods();
    if (auto begun_tls = tls_.begin(); !begun_tls) return begun_tls;
    context_.tls = &tls_;
    context_.edge = &edge_;
    make_forwarder();
    begin_stale_sockets();
    return begin_flows();
}

// After a reboot the maps are empty, and the saved state is better than nothing until the registries answer. Maps that were taken
// over know more than the file does: then it only fills in for services whose source cannot be read (see on_delta).
void Agent::load_saved_state() {
    auto saved = state_file_.load();
    if (!saved) {
        spdlog::warn("{}", saved.error().message());
        return;
    }
    // Bounds may be others than when it was saved.
    std::erase_if(saved->services, [&](const auto& one) { return !context_.settings.bounds.why_outside(*one).empty(); });
    if (saved->services.empty()) return;
    context_.remembered_at = saved->saved_at;
    stale_sockets_->before_services_change(saved->services);
    if (context_.adopted) {
        saved_ = std::move(saved->services);
        return;
    }
    spdlog::info("starting with {} services of {} until the registry answers", saved->services.size(), state_file_.path());
    reconciler_->seed(std::move(saved->services));
    health_.services_changed();
    context_.origin = Origin::state_file;
    context_.desired_at = saved->saved_at;
}

void Agent::load_pods() {
    auto saved = PodsFile(context_.settings.state_directory).load();
    if (saved)
        context_.pods = std::move(*saved);
    else
        spdlog::warn("{}", saved.error().message());
}

// A uid is one pod's, whatever the worker says.
void Agent::on_pods(std::vector<model::Pod> pods) {
    const auto is_before = [](const auto& a, const auto& b) { return a.uid < b.uid; };
    const auto is_same = [](const auto& a, const auto& b) { return a.uid == b.uid; };
    std::stable_sort(pods.begin(), pods.end(), is_before);
    pods.erase(std::unique(pods.begin(), pods.end(), is_same), pods.end());
    if (context_.pods == pods) return;
    context_.pods = std::move(pods);
    flows_->pods_changed(context_.pods);
    if (tls_.pods_changed()) worker_.send_settings();
    if (auto saved = PodsFile(context_.settings.state_directory).save(context_.pods); !saved)
        spdlog::warn("{}", saved.error().message());
}

base::Result<void> Agent::serve() {
    load_saved_state();
    announcements_.load();
    if (auto closed = policy_.before_attach(); !closed) return closed;
    tls_.before_attach();
    if (!datapath_->must_fill_before_attach() || context_.origin == Origin::state_file)
        if (auto attached = attach(); !attached) return attached;
    if (auto opened = acceleration_.accelerator().open(); !opened) return opened;
    if (auto opened = health_.open(); !opened) return opened;
    if (auto listening = listen(); !listening) return listening;
    edge_.settings_changed();
    if (auto started = worker_.start(options_.worker_binary); !started) return started;
    watch_configuration();
    wait_for_signal();
    schedule_check();
    start_timer_.expires_after(longest_start);
    start_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error && context_.starting) end_of_start();
    });
    const auto& realized = reconciler_->realized();
    spdlog::info("meshd {} ({}) serves {} on {}: {} {} services and {} backends", base::version, base::commit,
                 context_.cgroup_path, context_.settings.run_directory + "/control.sock",
                 context_.adopted ? "took over" : "began with", realized.services().size(), realized.backend_count());
    return finish_migration();
}

// Nothing can fail any more that would send an older version back to work.
base::Result<void> Agent::finish_migration() {
    auto migrated = datapath_->finish_migration();
    if (!migrated) return tl::make_unexpected(migrated.error());
    if (!*migrated) return {};
    std::string maps;
    for (const auto& one : (*migrated)->maps)
        maps += fmt::format("{}{} ({} entries)", maps.empty() ? "" : ", ", one.map, one.entries);
    spdlog::info(
        "took over from ABI version {}; laid out anew: {}. `meshd --roll-back` brings it back, `meshd --forget-previous` "
        "gives back the memory that it keeps",
        (*migrated)->from, maps.empty() ? "nothing" : maps);
    return {};
}

base::Result<void> Agent::attach() {
    auto outcome = datapath_->attach(*cgroup_, context_.settings.flows.response_time);
    attached_ = outcome.has_value();
    return outcome && !context_.forwarder->begun() ? forwarder_->begin(context_.settings) : outcome;
}

void Agent::attach_again() {
    if (auto attached = attach(); !attached)
        context_.degradations.set("programs", attached.error().message(),
                                  "what is attached goes on; see the log, then restart meshd");
    else
        context_.degradations.clear("programs");
}

base::Result<void> Agent::listen() {
    const auto group = group_id(context_.settings.control_group);
    if (!group)
        spdlog::warn(
            "there is no group {}: only root can use the control socket; make it with `groupadd --system {}`, or set "
            "control.group",
            context_.settings.control_group, context_.settings.control_group);
    router_.emplace(views_, control::Access{::geteuid(), group});
    http::UnixSocket socket;
    socket.path = context_.settings.run_directory + "/control.sock";
    socket.group = group;
    socket.mode = group ? 0660 : 0600;
    auto server = http::Server::listen(io_, socket, [this](const http::Request& request, http::Respond respond) {
        router_->handle(request, std::move(respond));
    });
    if (!server) return tl::make_unexpected(server.error());
    server_ = std::move(*server);
    return {};
}

// A worker may ask before the control socket is there.
void Agent::show(const http::Request& request, http::Respond respond) {
    if (router_)
        router_->show(request, std::move(respond));
    else
        respond({503, R"({"error":{"message":"the agent begins","remedy":"try again"}})", "application/json", {}});
}

// Of the saved state what is not known better.
std::vector<model::ServicePtr> Agent::known_services() const {
    std::vector<model::ServicePtr> all;
    const auto& desired = reconciler_->desired().services;
    for (const auto& [name, service] : desired) all.push_back(service);
    for (const auto& service : saved_)
        if (!desired.contains(service->name)) all.push_back(service);
    return all;
}

void Agent::on_delta(channel::Delta delta) {
    bounds_.hold(delta, reconciler_->desired());
    reconcile::Change change;
    change.full = delta.full;
    change.complete = delta.complete;
    change.upsert = std::move(delta.upsert);
    change.remove = std::move(delta.remove);
    if (change.full && !change.complete && !saved_.empty()) {
        // Some source cannot be read. What was last known good of its services goes on: the maps hold them already.
        std::set<std::string_view> named;
        for (const auto& service : change.upsert) named.insert(service->name);
        const auto& known = reconciler_->desired().services;
        for (const auto& service : saved_)
            if (!named.contains(service->name) && !known.contains(service->name)) change.upsert.push_back(service);
    }
    saved_.clear();
    const auto size = change.upsert.size() + change.remove.size();
    std::set<std::string> names(change.remove.begin(), change.remove.end());
    for (const auto& service : change.upsert) names.insert(service->name);
    const bool full = change.full;
    policy_.before_services_change(change.upsert);
    tls_.before_services_change(change.upsert);
    stale_sockets_->before_services_change(change.upsert);
    health_.before_services_change(change);
    reconciler_->change(std::move(change));
    if (full) {
        health_.services_changed();
        saver_.all_changed();
    } else {
        health_.services_changed(names);
        saver_.changed(names);
    }
    context_.origin = Origin::registry;
    context_.desired_at = context_.remembered_at = std::chrono::system_clock::now();
    if (!attached_)
        if (auto attached = attach(); !attached)
            context_.degradations.set("programs", attached.error().message(), "those of the earlier agent go on; restart meshd");
    after_change();
    stale_sockets_->services_changed();
    spdlog::log(size > 0 ? spdlog::level::info : spdlog::level::debug,
                "registry: {} services changed, {} in all, {} pending, {} µs", size, reconciler_->desired().services.size(),
                reconciler_->pending().size(), reconciler_->figures().last_duration.count());
    if (context_.starting) end_of_start();
    if (size > 1000) ::malloc_trim(0);
}

void Agent::after_change() {
    acceleration_.services_changed();
    policy_.services_changed();
    tls_.services_changed();
    forwarder_->services_changed();
    note_pending();
}

void Agent::note_pending() {
    const auto& pending = reconciler_->pending();
    if (pending.empty()) {
        context_.degradations.clear("services");
        retry_delay_ = shortest_retry;
        retry_timer_.cancel();
        return;
    }
    const auto& [name, why] = *pending.begin();
    context_.degradations.set("services", std::to_string(pending.size()) + " pending, " + name + ": " + why,
                              "tried again by itself; see meshctl service list");
    schedule_retry();
}

void Agent::schedule_retry() {
    retry_timer_.expires_after(retry_delay_);
    retry_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        retry_delay_ = std::min<std::chrono::milliseconds>(retry_delay_ * 2, longest_retry);
        reconciler_->retry();
        after_change();
    });
}

void Agent::end_of_start() {
    context_.starting = false;
    start_timer_.cancel();
    handover_.end_of_start();
    ::malloc_trim(0);
    ::sd_notify(0, "READY=1");
}

base::Result<reconcile::Plan> Agent::check() {
    auto drift = reconciler_->check();
    if (!drift) {
        context_.degradations.set("drift check", drift.error().message(), "tried again at the next interval");
        return drift;
    }
    context_.degradations.clear("drift check");
    for (const auto& operation : *drift) spdlog::warn("drift repaired: {}", reconcile::text(operation));
    policy_.check();
    tls_.check();
    // Programs may have been detached by hand, too.
    for (const auto& program : datapath_->programs()) {
        if (!attached_ || program.attached) continue;
        spdlog::warn("drift: {} was detached, attaching it again", program.name);
        attach_again();
        break;
    }
    if (forwarder_->begun()) forwarder_->check();
    stale_sockets_->check();
    health_.check();
    if (!drift->empty() || !reconciler_->pending().empty()) after_change();
    return drift;
}

void Agent::schedule_check() {
    check_timer_.expires_after(context_.settings.reconcile_interval);
    check_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        if (auto checked = check(); !checked) spdlog::warn("{}", checked.error().message());
        if (reconciler_->realized().services().size() > 1000) ::malloc_trim(0);
        schedule_check();
    });
}

void Agent::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error) return;
        if (signal != SIGHUP) {
            spdlog::info("signal {}: ending; programs and maps stay at work", signal);
            ::sd_notify(0, "STOPPING=1");
            io_.stop();
            return;
        }
        ::sd_notify(0, "RELOADING=1");
        reload();
        worker_.reopen_files();
        ::sd_notify(0, "READY=1");
        wait_for_signal();
    });
}

void Agent::replace_worker(const control::Later& later) {
    worker_.replace([later](base::Result<pid_t> process) {
        if (!process) return later(tl::make_unexpected(std::move(process.error())));
        later(boost::json::serialize(boost::json::object{{"pid", *process}}));
    });
}

void Agent::loop() {
    watchdog_.begin();
    io_.run();
    worker_.stop();
    server_.reset();
    stale_sockets_->end();
    saver_.save_now();
}

}  // namespace meshd::app
