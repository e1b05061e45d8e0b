// SPDX-License-Identifier: Apache-2.0
#include "app/worker_link.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include "app/announcement_setup.hpp"
#include "app/kernel_tls.hpp"
#include "app/metrics.hpp"
#include "app/policy_setup.hpp"
#include "base/time_text.hpp"
#include "channel/split.hpp"
#include "config/settings_file.hpp"

namespace meshd::app {

namespace {

constexpr std::size_t longest_queue = std::size_t{4} << 20U;  // bytes; a worker that is further behind is not told of flows
constexpr std::string_view busy = R"({"error":{"message":"the worker is behind","remedy":"try again"}})";
constexpr std::string_view off = R"({"error":{"message":"the picture is off","remedy":"write \"picture: {}\" into meshd.yaml"}})";

}  // namespace

WorkerOptions WorkerLink::options() const {
    WorkerOptions options;
    options.binary = binary_;
    options.user = context_.settings.worker_user;
    return options;
}

std::chrono::seconds WorkerLink::shutdown_time() const {
    return std::chrono::ceil<std::chrono::seconds>(context_.settings.worker_shutdown_timeout);
}

WorkerHandlers WorkerLink::process_handlers() {
    WorkerHandlers handlers;
    handlers.on_channel_open = [this](channel::Channel& channel) {
        hand_on_changes();  // of the worker before: what it told is known
        send_settings();
        remind(channel);
    };
    handlers.on_handover = handlers_.on_handover;
    handlers.on_message = [this](channel::Message message) { take(std::move(message)); };
    handlers.on_down = [this](std::string_view why) {
        spdlog::warn("the worker is down: {}", why);
        note_state();
        handlers_.on_down();
    };
    return handlers;
}

base::Result<void> WorkerLink::start(const std::string& binary) {
    binary_ = binary;
    process_ = std::make_unique<WorkerProcess>(io_, options(), process_handlers());
    return process_->start();
}

void WorkerLink::stop() {
    standby_.reset();
    const auto longest = shutdown_time();
    if (process_) process_->stop(longest);
    if (longest.count() > 0) retired_.leave();
    hand_on_changes();
}

void WorkerLink::replace(std::function<void(base::Result<pid_t>)> done) {
    const auto not_now = [](std::string why) {
        return base::fail({"replace", "the worker", EBUSY, std::move(why), "try again in a moment; see meshctl status"});
    };
    if (standby_) return done(not_now("it is being replaced already"));
    if (status().state != WorkerState::running) return done(not_now("it is not running"));
    auto ready = [this, done](base::Result<void> outcome) {
        if (outcome) return change_places(done);
        standby_.reset();
        done(tl::make_unexpected(std::move(outcome.error())));
    };
    standby_ = std::make_unique<StandbyWorker>(io_, options(), process_handlers(), std::move(ready));
    auto started = standby_->start();
    if (started) return;
    standby_.reset();
    done(tl::make_unexpected(std::move(started.error())));
}

// What both would have - the metrics page, locks, announcements - the old one lets go of first. Connections it takes until the
// new one can.
void WorkerLink::change_places(const std::function<void(base::Result<pid_t>)>& done) {
    const auto longest = shutdown_time();
    process_->retire(longest, [this, longest, done](std::optional<WorkerChild> child) {
        if (child) retired_.add(std::move(*child), longest);
        boost::asio::post(io_, [this, done] {
            handlers_.on_down();
            standby_->take_place(process_);
            standby_.reset();
            spdlog::info("worker {} has taken the place of the one before", status().pid);
            done(status().pid);
        });
    });
}

WorkerStatus WorkerLink::status() const { return process_ ? process_->status() : WorkerStatus{}; }

void WorkerLink::note_state() {
    const auto now = status();
    if (now.state == WorkerState::running)
        context_.degradations.clear("worker");
    else
        context_.degradations.set(
            "worker", "not running" + (now.last_exit.empty() ? "" : ": " + now.last_exit),
            "services stay as they are and changes wait; it is started again by itself, see the log for why it ends");
}

void WorkerLink::send_settings() {
    const auto& settings = context_.settings;
    auto* const channel = process_ ? process_->channel() : nullptr;
    if (channel == nullptr) return;
    look_at_kernel_tls(context_);
    channel::SettingsMessage message;
    message.registry_directory = settings.registry_directory;
    message.metrics_enabled = settings.metrics_enabled;
    message.metrics_listen = settings.metrics_listen;
    message.log_level = config::name(context_.log_level());
    message.flow_export = settings.flow_export;
    message.registries = settings.registries;
    for (auto& one : message.registries.kubernetes) {
        one.pods = one.pods || (settings.tls && model::names_pods(settings.tls->identities));
        one.hosts = settings.tls.has_value();
    }
    message.announcements = settings.announcements;
    message.drained = {context_.drained.begin(), context_.drained.end()};
    message.announced = known_announcements(context_);
    message.locality = settings.locality;
    message.tls = context_.tls_settings();
    message.edge = settings.edge;
    message.origination = settings.origination;
    message.acme = settings.acme;
    message.picture = settings.picture;
    message.is_audit = settings.policy.mode == config::PolicyMode::audit;
    message.remembered_at = base::unix_seconds(context_.remembered_at);
    if (auto sent = channel->send(channel::encode(message)); !sent) spdlog::warn("{}", sent.error().message());
}

// Services from servers: those of files the worker reads again, and believes at once.
void WorkerLink::remind(channel::Channel& channel) {
    channel::Delta known;
    known.sequence = 1;
    known.full = known.complete = true;
    for (auto& service : handlers_.known_services())
        if (!service->source.starts_with("file:") || service->source.find(" + ") != std::string::npos)
            known.upsert.push_back(std::move(service));
    const auto send = [&](std::string_view frame) {
        if (auto sent = channel.send_text(frame); !sent) spdlog::warn("{}", sent.error().message());
    };
    channel::split_delta(known, send);
    channel::Policies policies;
    policies.rules = context_.policy->rules();
    channel::split_policies(policies, send);
}

base::Result<void> WorkerLink::sync_registry(const std::string& name) {
    auto* const channel = process_ ? process_->channel() : nullptr;
    if (channel == nullptr) return base::fail({"reach", "the worker", 0, "it is not running", "it is started again by itself"});
    return channel->send(channel::encode(channel::SyncRegistry{name}));
}

bool WorkerLink::send_flows(const std::vector<std::string>& frames) {
    auto* const channel = process_ ? process_->channel() : nullptr;
    if (channel == nullptr || channel->queued_bytes() > longest_queue) return false;
    for (const auto& frame : frames)
        if (auto sent = channel->send_text(frame); !sent) spdlog::warn("{}", sent.error().message());
    return true;
}

bool WorkerLink::check_tls(const channel::TlsCheck& check) {
    auto* const channel = process_ ? process_->channel() : nullptr;
    return channel != nullptr && channel->send(channel::encode(check)).has_value();
}

void WorkerLink::reopen_files() {
    if (auto* const channel = process_ ? process_->channel() : nullptr)
        if (auto sent = channel->send(channel::encode(channel::Reopen{})); !sent) spdlog::warn("{}", sent.error().message());
}

void WorkerLink::send_ejected(const channel::Ejected& ejected) {
    if (auto* const channel = process_ ? process_->channel() : nullptr)
        if (auto sent = channel->send(channel::encode(ejected)); !sent) spdlog::warn("{}", sent.error().message());
}

// To replace the table of a service takes milliseconds, in which the kernel waits for programs that may still read the old one,
// and no longer for many tables. So what has come meanwhile is one change.
void WorkerLink::take_delta(channel::Delta delta) {
    if (delta.full) {
        hand_on_changes();
        handlers_.on_delta(std::move(delta));
        handlers_.on_whole();
        return;
    }
    for (auto& service : delta.upsert) {
        auto name = service->name;
        changes_[std::move(name)] = std::move(service);
    }
    for (const auto& name : delta.remove) changes_[name] = nullptr;
    are_complete_ = delta.complete;
    if (!std::exchange(has_changes_, true)) boost::asio::post(io_, [this] { hand_on_changes(); });
}

void WorkerLink::hand_on_changes() {
    if (!std::exchange(has_changes_, false)) return;
    channel::Delta delta;
    delta.complete = are_complete_;
    for (auto& [name, service] : std::exchange(changes_, {}))
        if (service)
            delta.upsert.push_back(std::move(service));
        else
            delta.remove.push_back(name);
    handlers_.on_delta(std::move(delta));
}

void WorkerLink::take(channel::Message message) {
    if (auto* const delta = std::get_if<channel::Delta>(&message)) {
        take_delta(std::move(*delta));
        return;
    }
    hand_on_changes();  // what came first comes first
    if (std::holds_alternative<channel::Hello>(message)) {
        note_state();
        handlers_.on_hello();
    } else if (auto* const policies = std::get_if<channel::Policies>(&message))
        handlers_.on_policies(std::move(*policies));
    else if (auto* const pods = std::get_if<channel::Pods>(&message))
        handlers_.on_pods(std::move(*pods));
    else if (const auto* const health = std::get_if<channel::HealthReport>(&message))
        handlers_.on_health(*health);
    else if (auto* const registry = std::get_if<channel::RegistryStatus>(&message))
        take_registry(std::move(*registry));
    else if (auto* const registries = std::get_if<channel::RegistriesReport>(&message))
        context_.registries = std::move(registries->registries);
    else if (auto* const announcements = std::get_if<channel::AnnouncementsReport>(&message))
        context_.announcements = std::move(announcements->announcements);
    else if (auto* const certificates = std::get_if<channel::CertificatesReport>(&message))
        context_.certificates = std::move(certificates->certificates);
    else if (const auto* const finding = std::get_if<channel::TlsFinding>(&message))
        handlers_.on_tls_finding(*finding);
    else if (auto* const edge = std::get_if<channel::EdgeReport>(&message))
        context_.edge_report = std::move(edge->listeners);
    else if (const auto* const exporters = std::get_if<channel::ExportStatus>(&message))
        take_exporters(*exporters);
    else if (const auto* const request = std::get_if<channel::MetricsRequest>(&message))
        answer_metrics(request->id);
    else if (auto* const view = std::get_if<channel::ViewRequest>(&message))
        answer_view(std::move(*view));
    else
        spdlog::warn("the worker sent a message of type {}, which is none of its own", channel::type_name(message));
}

void WorkerLink::take_registry(channel::RegistryStatus status) {
    context_.registry = std::move(status);
    std::string refused;
    std::size_t count = 0;
    for (const auto& source : context_.registry.sources) {
        if (source.ok) continue;
        if (refused.empty()) refused = source.error;
        ++count;
    }
    if (!context_.registry.directory_error.empty())
        context_.degradations.set("registry", context_.registry.directory_error,
                                  "services stay as they were; put the directory back");
    else if (count != 0)
        context_.degradations.set("registry", refused + (count > 1 ? " (and " + std::to_string(count - 1) + " more files)" : ""),
                                  "the last good content of the file goes on; correct the file");
    else
        context_.degradations.clear("registry");
    if (context_.registry.metrics_error.empty())
        context_.degradations.clear("metrics");
    else
        context_.degradations.set("metrics", context_.registry.metrics_error, "set metrics.listen to an address that is free");
    if (context_.registry.picture_error.empty())
        context_.degradations.clear("picture");
    else
        context_.degradations.set("picture", context_.registry.picture_error,
                                  "set picture.listen to an address that is free, and picture.token_file to a file with a token "
                                  "that the worker's user can read");
}

void WorkerLink::take_exporters(const channel::ExportStatus& status) {
    for (const auto feature : channel::export_features) {
        const auto problem =
            std::find_if(status.problems.begin(), status.problems.end(), [&](const auto& one) { return one.feature == feature; });
        if (problem == status.problems.end())
            context_.degradations.clear(std::string(feature));
        else
            context_.degradations.set(problem->feature, problem->reason, problem->remedy);
    }
}

void WorkerLink::answer_metrics(std::uint64_t id) {
    context_.flows->families([this, id](boost::json::array families) {
        auto* const channel = process_->channel();
        if (channel == nullptr) return;
        for (auto& family : metric_families(context_)) families.push_back(std::move(family));
        channel::split_metrics(id, families, [&](std::string_view frame) {
            if (auto sent = channel->send_text(frame); !sent) spdlog::warn("{}", sent.error().message());
        });
    });
}

// A worker that is behind, or may not ask at all, is told so: the page shows it.
void WorkerLink::answer_view(channel::ViewRequest request) {
    auto respond = [this, id = request.id](const http::Response& response) {
        auto* const channel = process_->channel();
        if (channel == nullptr) return;
        const bool is_behind = channel->queued_bytes() > longest_queue;
        channel::split_view(id, is_behind ? 503 : response.status, is_behind ? std::string(busy) : response.body,
                            [&](std::string_view frame) {
                                if (auto sent = channel->send_text(frame); !sent) spdlog::warn("{}", sent.error().message());
                            });
    };
    if (!context_.settings.picture) return respond({403, std::string(off), "application/json", {}});
    http::Request question;
    question.path = std::move(request.path);
    question.query = std::move(request.query);
    handlers_.on_view(question, std::move(respond));
}

}  // namespace meshd::app
