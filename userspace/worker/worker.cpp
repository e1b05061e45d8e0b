// SPDX-License-Identifier: Apache-2.0
#include "worker/worker.hpp"

#include <csignal>
#include <utility>
#include <variant>

#include <malloc.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "base/time_text.hpp"
#include "base/version.hpp"
#include "channel/split.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/process.hpp"
#include "worker/announcement_report.hpp"
#include "worker/export_families.hpp"
#include "worker/registry_report.hpp"
#include "worker/tls_report.hpp"

namespace meshd::worker {

using boost::system::error_code;
using std::chrono::system_clock;

namespace {

constexpr std::size_t longest_queue = std::size_t{16} << 20;  // bytes; an agent that reads slowly gets changes later, and merged
constexpr std::size_t large_batch = 1000;                     // services, from which on memory is worth giving back
constexpr std::chrono::milliseconds send_retry_time{20};
constexpr std::chrono::milliseconds report_delay{50};  // many files change at once
constexpr std::chrono::milliseconds registries_report_time{1000};
constexpr std::chrono::milliseconds trim_delay{1000};
constexpr std::chrono::milliseconds grace_time{2000};

double seconds(system_clock::time_point time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

}  // namespace

Worker::Worker(boost::asio::io_context& context, base::UniqueFd channel, base::UniqueFd handover)
    : context_(context),
      channel_(context, std::move(channel)),
      signals_(context, SIGTERM),
      page_(context, {[this](channel::MetricsRequest request) { (void)channel_.send(channel::encode(request)); },
                      [this] { return own_families(); }, [this] { return why_unhealthy(); }, [this] { report_soon(); }}),
      picture_(context, {[this](const channel::ViewRequest& request) { (void)channel_.send(channel::encode(request)); },
                         [this] { report_soon(); }}),
      exporters_(context, [this] { report_exporters(); }),
      registries_(context, {[this](const registry::Change& change) { on_change(change); },
                            [this] {
                                was_read_ = was_read_ || registries_.directory_error().empty();
                                report_soon();
                                report_registries_soon();
                            },
                            [this] { send_pods(); }}),
      registries_timer_(context),
      announcements_(std::in_place, context, [this] { report_announcements(); }),
      leave_timer_(context),
      retirement_timer_(context),
      encryption_(context,
                  [this](const std::string& name) {
                      const auto& known = registries_.state().services;
                      const auto found = known.find(name);
                      return found == known.end() ? nullptr : found->second;
                  }),
      peer_checks_(
          context,
          [this](const std::string& identity, const channel::TlsCheck::Target& asked) {
              return encryption_.way_to(identity, asked);
          },
          [this](const channel::TlsFinding& finding) { (void)channel_.send(channel::encode(finding)); }),
      listeners_(
          context, std::move(handover),
          [this](const std::string& name, std::vector<base::UniqueFd> sockets) { encryption_.listen(name, std::move(sockets)); },
          [this] { stop_taking(); }),
      // News of backends that the agent has not been told of would be of no use to it.
      probes_(std::in_place, context,
              ProbesHooks{[this] { return !feed_.has_news() && channel_.queued_bytes() < longest_queue; },
                          [this](std::string_view frame) { (void)channel_.send_text(frame); },
                          [this](const base::SocketAddress& backend, bool only_connects) {
                              return encryption_.dial(backend, only_connects);
                          }}),
      send_retry_(context),
      report_timer_(context),
      trim_timer_(context) {}

void Worker::start() {
    // They are for the agent, which shares the terminal: it tells its worker when to end.
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);  // who reads standard output, or a connection, may go at any time
    wait_for_signal();
    listeners_.start();
    (void)channel_.send(channel::encode(channel::Hello{base::version, ::getpid()}));
    channel_.start(
        [this](boost::json::object json) { take(std::move(json)); },
        [this](const base::Error& error) { stop(error.detail == channel::peer_closed ? "the agent is gone" : error.message()); });
}

void Worker::stop(std::string_view why) {
    if (is_leaving_ || is_retired_) return;
    spdlog::info("ending: {}", why);
    context_.stop();
}

void Worker::wait_for_signal() {
    signals_.async_wait([this](error_code ec, int) {
        if (ec) return;
        wait_for_signal();
        if (is_retired_) return context_.stop();  // a person's word, whatever it carries
        if (is_leaving_) return;
        // The kernel sends it, too, when the agent has died. Services of this host run on then, and the next agent takes over
        // what was announced: the channel's end tells that it is so.
        leave_timer_.expires_after(grace_time);
        leave_timer_.async_wait([this](error_code waited) {
            if (!waited) leave("SIGTERM");
        });
    });
}

void Worker::take(boost::json::object json) {
    auto message = channel::decode(std::move(json));
    if (!message) {
        spdlog::error("message of the agent ignored: {}", message.error().message());
    } else if (auto* const settings = std::get_if<channel::SettingsMessage>(&*message)) {
        apply(std::move(*settings));
    } else if (auto* const part = std::get_if<channel::MetricsPart>(&*message)) {
        take_answer(std::move(*part));
    } else if (auto* const view = std::get_if<channel::ViewPart>(&*message)) {
        picture_.take(std::move(*view));
    } else if (const auto* const flows = std::get_if<channel::FlowEvents>(&*message)) {
        exporters_.put(*flows);
    } else if (const auto* const ejected = std::get_if<channel::Ejected>(&*message)) {
        probes_->watch(*ejected);
    } else if (const auto* const sync = std::get_if<channel::SyncRegistry>(&*message)) {
        registries_.sync(sync->name);
    } else if (const auto* const check = std::get_if<channel::TlsCheck>(&*message)) {
        peer_checks_.add(*check);
    } else if (auto* const known = std::get_if<channel::Delta>(&*message)) {
        remember(std::move(*known));
    } else if (auto* const rules = std::get_if<channel::Policies>(&*message)) {
        remember(std::move(*rules));
    } else if (std::holds_alternative<channel::Reopen>(*message)) {
        exporters_.reopen();
    } else if (const auto* const retirement = std::get_if<channel::Retire>(&*message)) {
        retire(retirement->longest);
    } else if (const auto* const shutdown = std::get_if<channel::Shutdown>(&*message)) {
        leave("the agent said shutdown", shutdown->longest);
    } else {
        spdlog::warn("message of the agent ignored: '{}' is not for a worker", channel::type_name(*message));
    }
}

void Worker::take_answer(channel::MetricsPart part) {
    auto whole = assembler_.add(std::move(part));
    if (!whole) {
        spdlog::error("{}", whole.error().message());
        assembler_ = channel::Assembler();
    } else if (*whole) {
        page_.take_answer(std::get<channel::MetricsPart>(**whole));
    }
}

void Worker::apply(channel::SettingsMessage settings) {
    const auto before = std::exchange(settings_, std::move(settings));
    spdlog::set_level(spdlog::level::from_str(settings_->log_level));
    exporters_.configure(settings_->flow_export);
    page_.listen_at(settings_->metrics_enabled ? std::optional(settings_->metrics_listen) : std::nullopt);
    picture_.configure(settings_->picture);
    follow_announcements(!before);
    encryption_.follow(settings_->tls, settings_->edge, settings_->acme, settings_->origination, settings_->is_audit);
    if (before && before->registry_directory == settings_->registry_directory && before->registries == settings_->registries)
        return;
    // Before the first change of another directory is told.
    if (!before || before->registry_directory != settings_->registry_directory) {
        was_read_ = false;
        feed_.begin_again();
        rules_told_.reset();
        probes_->begin_again();
        encryption_.begin_again();
    }
    registries_.follow(settings_->registry_directory, settings_->registries);
    if (!before) report_registries();
}

// Also when there is none: the agent must not keep one of a worker before.
void Worker::report_exporters() {
    channel::ExportStatus now{exporters_.problems()};
    if (exporters_reported_ == now) return;
    (void)channel_.send(channel::encode(now));
    exporters_reported_ = std::move(now);
}

// ---- The registry ----

void Worker::remember(channel::Delta part) {
    auto whole = assembler_.add(std::move(part));
    if (!whole) {
        spdlog::error("{}", whole.error().message());
    } else if (*whole && settings_) {
        const auto& known = std::get<channel::Delta>(**whole);
        registries_.remember(known.upsert, system_clock::time_point(std::chrono::seconds(settings_->remembered_at)));
    }
}

void Worker::remember(channel::Policies part) {
    auto whole = assembler_.add(std::move(part));
    if (!whole) {
        spdlog::error("{}", whole.error().message());
    } else if (*whole && !encryption_.has_rules()) {
        encryption_.set_rules(std::move(std::get<channel::Policies>(**whole).rules));
    }
}

void Worker::on_change(const registry::Change& change) {
    const auto& state = registries_.state();
    last_change_ = system_clock::now();
    spdlog::debug("registry: {} services changed, {} are gone, {} in all{}", change.upsert.size(), change.remove.size(),
                  state.services.size(), state.complete ? "" : ", not complete");
    // Before the kernel sends anything to new backends.
    encryption_.take(change);
    // First the rules, so that what they say of a new service holds when it is there.
    send_rules(change);
    if (is_retired_) return;
    feed_.add(change.upsert, change.remove, state);
    send_changes();
    probes_->take(change, state);
}

// Always all of them: there are few, and what some of them mean depends on the others. One more than there may be is enough to be
// refused.
void Worker::send_rules(const registry::Change& change) {
    const bool complete = registries_.rules_complete();
    if (!change.rules_changed && rules_told_ == complete) return;
    rules_told_ = complete;
    channel::Policies policies;
    policies.complete = complete;
    if (registries_.directory_error().empty()) policies.unread = registries_.unread();
    policies.rules = registries_.rules();
    if (policies.rules.size() > model::max_rules + 1) policies.rules.resize(model::max_rules + 1);
    channel::split_policies(policies, [this](std::string_view frame) { (void)channel_.send_text(frame); });
    // Before all are known those that the agent knew hold.
    if (complete || !encryption_.has_rules()) encryption_.set_rules(std::move(policies.rules));
}

// There are few, and they change seldom.
void Worker::send_pods() {
    if (is_retired_) return;
    if (const auto pods = registries_.pods())
        channel::split_pods(*pods, [this](std::string_view frame) { (void)channel_.send_text(frame); });
}

void Worker::send_changes() {
    if (channel_.queued_bytes() > longest_queue) {
        send_retry_.expires_after(send_retry_time);
        send_retry_.async_wait([this](error_code ec) {
            if (!ec) send_changes();
        });
        return;
    }
    if (const auto delta = feed_.take()) send_delta(*delta);
}

void Worker::send_delta(const channel::Delta& delta) {
    const auto left_out = channel::split_delta(delta, [this](std::string_view frame) {
        // Fails when the channel is closed only, and then this process ends.
        (void)channel_.send_text(frame);
    });
    const auto before = too_large_;
    if (delta.full) too_large_.clear();
    for (const auto& service : delta.upsert) too_large_.erase(service->name);
    for (const auto& name : delta.remove) too_large_.erase(name);
    too_large_.insert(left_out.begin(), left_out.end());
    for (const auto& name : left_out) spdlog::error("service {} is too large and keeps its former state", name);
    if (before != too_large_) report_soon();
    if (delta.upsert.size() >= large_batch) trim_later();
}

// What a large batch was made in is of use to nobody else.
void Worker::trim_later() {
    trim_timer_.expires_after(trim_delay);
    trim_timer_.async_wait([this](error_code ec) {
        if (ec) return;
        if (channel_.queued_bytes() > 0) {
            trim_later();
        } else {
            ::malloc_trim(0);
        }
    });
}

// ---- What is told of it ----

void Worker::report_soon() {
    if (std::exchange(is_report_due_, true)) return;
    report_timer_.expires_after(report_delay);
    report_timer_.async_wait([this](error_code ec) {
        if (!ec) report();
    });
}

void Worker::report() {
    is_report_due_ = false;
    if (is_retired_) return;
    auto now = status();
    if (reported_ == now) return;
    if (channel_.queued_bytes() > longest_queue) {
        report_soon();
        return;
    }
    for (const auto& source : now.sources)
        if (!source.ok) spdlog::debug("refused: {}", source.error);
    channel::split_registry_status(now, [this](std::string_view frame) { (void)channel_.send_text(frame); });
    reported_ = std::move(now);
}

// Their age and their figures change all the time, so they are looked at now and then, and soon when there is more to tell.
void Worker::report_registries_soon() {
    if (!std::exchange(is_registries_report_due_, true)) report_registries_after(report_delay);
}

void Worker::report_registries_after(std::chrono::milliseconds time) {
    registries_timer_.expires_after(time);
    registries_timer_.async_wait([this](error_code ec) {
        if (!ec) report_registries();
    });
}

void Worker::report_registries() {
    is_registries_report_due_ = false;
    if (is_retired_) return;
    auto now = registries_json(registries_.views());
    if (now != registries_reported_ && channel_.queued_bytes() <= longest_queue) {
        (void)channel_.send(channel::encode(channel::RegistriesReport{now}));
        registries_reported_ = std::move(now);
    }
    report_certificates();
    report_edge();
    report_registries_after(registries_report_time);
}

// How long they are valid changes all the time, too.
void Worker::report_certificates() {
    auto now = certificates_json(encryption_.certificates(), encryption_.edge().certificates(), system_clock::now(),
                                 encryption_.issuance(), encryption_.outside().states());
    if (certificates_reported_ == now || channel_.queued_bytes() > longest_queue) return;
    (void)channel_.send(channel::encode(channel::CertificatesReport{now}));
    certificates_reported_ = std::move(now);
}

void Worker::report_edge() {
    auto now = encryption_.edge().report();
    if (edge_reported_ == now || channel_.queued_bytes() > longest_queue) return;
    (void)channel_.send(channel::encode(channel::EdgeReport{now}));
    edge_reported_ = std::move(now);
}

channel::RegistryStatus Worker::status() const {
    channel::RegistryStatus status;
    status.directory_error = registries_.directory_error();
    status.metrics_address = page_.address();
    status.metrics_error = page_.error();
    status.picture_address = picture_.address();
    status.picture_error = picture_.problem();
    for (auto& source : registries_.statuses())
        status.sources.push_back({std::move(source.name), source.state == registry::SourceState::ok, source.services,
                                  std::move(source.error), base::time_text(source.since)});
    for (const auto& name : too_large_)
        status.sources.push_back({"service:" + name, false, 0,
                                  "service " + name + " has more backends than one message takes; split it",
                                  base::time_text(last_change_)});
    return status;
}

std::vector<prometheus::MetricFamily> Worker::own_families() const {
    auto families = telemetry::process_families("meshd_worker");
    double ok = 0;
    double refused = 0;
    for (const auto& source : status().sources) ++(source.ok ? ok : refused);
    prometheus::ClientMetric sample;
    prometheus::MetricFamily sources{
        "meshd_registry_sources", "Files of the registry by state.", prometheus::MetricType::Gauge, {}};
    for (const auto& [state, count] : {std::pair("ok", ok), std::pair("refused", refused)}) {
        sample.label = {{"state", state}};
        sample.gauge.value = count;
        sources.metric.push_back(sample);
    }
    families.push_back(std::move(sources));
    for (auto& family : probes_->families()) families.push_back(std::move(family));
    for (auto& family : registry_families(registries_.views())) families.push_back(std::move(family));
    for (auto& family : announcement_families(*announcements_)) families.push_back(std::move(family));
    for (auto& family : export_families(exporters_)) families.push_back(std::move(family));
    for (auto& family : encryption_.families()) families.push_back(std::move(family));
    for (auto& family : certificate_families(encryption_.certificates(), encryption_.edge().certificates(), system_clock::now(),
                                             encryption_.outside().states()))
        families.push_back(std::move(family));
    families.push_back(telemetry::gauge("meshd_registry_complete", "1 when every registry has answered, or is remembered.",
                                        registries_.state().complete ? 1 : 0));
    families.push_back(telemetry::gauge("meshd_registry_last_change_timestamp_seconds",
                                        "When the registry last said something new, in seconds since the epoch.",
                                        seconds(last_change_)));
    return families;
}

std::string Worker::why_unhealthy() const {
    if (!settings_) return "the agent has not sent settings yet";
    return was_read_ ? std::string{} : "the registry has not been read: " + registries_.directory_error();
}

}  // namespace meshd::worker
