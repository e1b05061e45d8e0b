// SPDX-License-Identifier: Apache-2.0
// The configuration is read again: when the file changes, and at SIGHUP.
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "app/agent.hpp"
#include "app/log.hpp"
#include "config/settings_file.hpp"

namespace meshd::app {

void Agent::watch_configuration() {
    auto watch = FileWatch::start(io_, options_.config_file, [this] { reload(); });
    if (watch)
        config_watch_ = std::move(*watch);
    else
        spdlog::debug("{}", watch.error().message());  // no such directory: SIGHUP still works
}

void Agent::apply_log_level() {
    set_log_level(context_.log_level());
    worker_.send_settings();
}

void Agent::override_log_level(const control::LogLevelQuery& query) {
    log_timer_.cancel();
    context_.log_override.reset();
    if (query.duration || query.level != context_.settings.log_level) context_.log_override = LogOverride{query.level, {}};
    if (query.duration) {
        context_.log_override->until = std::chrono::system_clock::now() + *query.duration;
        log_timer_.expires_after(*query.duration);
        log_timer_.async_wait([this](const boost::system::error_code& error) {
            // One that was on its way when somebody set another level says nothing about that.
            const bool is_over =
                context_.log_override && context_.log_override->until && log_timer_.expiry() <= std::chrono::steady_clock::now();
            if (error || !is_over) return;
            context_.log_override.reset();
            apply_log_level();
        });
    }
    apply_log_level();
}

// What can change while the agent runs does; the rest is named, and waits for a restart.
void Agent::reload() {
    auto loaded = effective_settings(options_);
    if (!loaded) {
        context_.degradations.set("configuration", loaded.error().message(), "the settings before go on; correct the file");
        return;
    }
    auto wanted = *loaded;
    auto& now = context_.settings;
    const auto threads = now.tls ? now.tls->threads : 0;
    const auto kernel_tls = now.tls ? now.tls->kernel : model::KernelTls::off;
    const bool worker_changed = now.registry_directory != wanted.registry_directory ||
                                now.metrics_enabled != wanted.metrics_enabled || now.metrics_listen != wanted.metrics_listen ||
                                now.log_level != wanted.log_level || now.flow_export != wanted.flow_export ||
                                now.registries != wanted.registries || now.announcements != wanted.announcements ||
                                now.locality != wanted.locality || now.tls != wanted.tls || now.edge != wanted.edge ||
                                now.origination != wanted.origination || now.acme != wanted.acme || now.picture != wanted.picture;
    if (now.log_level != wanted.log_level) {
        log_timer_.cancel();
        context_.log_override.reset();
    }
    const bool interval_changed = now.reconcile_interval != wanted.reconcile_interval;
    now.registry_directory = wanted.registry_directory;
    const bool registries_changed = std::exchange(now.registries, wanted.registries) != wanted.registries;
    now.announcements = wanted.announcements;
    now.metrics_enabled = wanted.metrics_enabled;
    now.metrics_listen = wanted.metrics_listen;
    now.picture = wanted.picture;
    now.log_level = wanted.log_level;
    now.worker_shutdown_timeout = wanted.worker_shutdown_timeout;
    set_log_level(context_.log_level());
    now.reconcile_interval = wanted.reconcile_interval;
    const bool acceleration_changed = std::exchange(now.acceleration, wanted.acceleration) != wanted.acceleration;
    if (acceleration_changed) acceleration_.configure();
    const bool tls_changed = std::exchange(now.tls, wanted.tls) != wanted.tls;
    const bool origination_changed = std::exchange(now.origination, wanted.origination) != wanted.origination;
    if (origination_changed || tls_changed || registries_changed) tls_.settings_changed();
    const bool acme_changed = std::exchange(now.acme, wanted.acme) != wanted.acme;
    if (std::exchange(now.edge, wanted.edge) != wanted.edge || acme_changed) edge_.settings_changed();
    if (std::exchange(now.policy, wanted.policy) != wanted.policy) policy_.settings_changed();
    const bool forwarding_changed = std::exchange(now.forwarding, wanted.forwarding) != wanted.forwarding;
    const bool devices_changed = std::exchange(now.devices, wanted.devices) != wanted.devices;
    if (devices_changed || forwarding_changed) configure_forwarding();
    if (std::exchange(now.locality, wanted.locality) != wanted.locality) reconciler_->set_forwarding(forward_policy(now));
    const bool timing_changed = now.flows.response_time != wanted.flows.response_time;
    if (std::exchange(now.flows, wanted.flows) != wanted.flows || devices_changed || forwarding_changed) configure_flows();
    if (timing_changed && attached_) attach_again();
    if (std::exchange(now.flow_export, wanted.flow_export) != wanted.flow_export) flow_export_.configure();
    if (worker_changed) worker_.send_settings();
    if (now.tls && (now.tls->threads != threads || now.tls->kernel != kernel_tls))
        replace_worker([](const base::Result<std::string>& outcome) {
            if (!outcome) spdlog::warn("tls.threads and tls.kernel stay as they were: {}", outcome.error().message());
        });
    if (interval_changed) schedule_check();
    if (now == wanted)
        context_.degradations.clear("configuration");
    else
        context_.degradations.set("configuration", "the file has settings that do not change while the agent runs",
                                  "restart meshd; a change of limits also needs `meshd --unload` before");
    spdlog::info("configuration read again");
}

}  // namespace meshd::app
