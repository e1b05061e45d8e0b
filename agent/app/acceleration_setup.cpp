// SPDX-License-Identifier: Apache-2.0
#include "app/acceleration_setup.hpp"

#include <pwd.h>
#include <spdlog/spdlog.h>

#include "acceleration/policy.hpp"
#include "acceleration/self_test.hpp"
#include "acceleration/verdict_file.hpp"

namespace meshd::app {

namespace {

acceleration::Surroundings surroundings(const Context& context) {
    const auto& settings = context.settings;
    auto here = acceleration::look_around(context.cgroup_path);
    // A user that others share, too, says nothing about whose sockets these are.
    if (const auto* const worker = ::getpwnam(settings.worker_user.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
        worker != nullptr && worker->pw_uid != 0 && settings.worker_user != "nobody")
        here.worker_user = worker->pw_uid;
    if (settings.metrics_enabled && settings.metrics_listen.port != 0) here.metrics_port = settings.metrics_listen.port;
    return here;
}

}  // namespace

acceleration::Verdict AccelerationSetup::known_verdict() {
    const acceleration::VerdictFile file(context_.settings.state_directory);
    if (auto kept = file.load(acceleration::running_kernel())) return std::move(*kept);
    auto tested = test_kernel();
    if (tested) return std::move(*tested);
    context_.degradations.set("acceleration test", tested.error().message(),
                              "nothing takes the short way; try again with `meshctl acceleration selftest`");
    acceleration::Verdict nothing;
    nothing.kernel = acceleration::running_kernel();
    nothing.reason = "the self-test could not be run: " + tested.error().message();
    return nothing;
}

base::Result<void> AccelerationSetup::begin(boost::asio::io_context& io, const kernel::Datapath& datapath,
                                            std::function<const reconcile::RealizedState&()> realized,
                                            acceleration::Verdict verdict) {
    accelerator_.emplace(io, datapath, std::move(realized));
    if (auto adopted = accelerator_->adopt_pauses(); !adopted) return adopted;
    configure(std::move(verdict));
    return {};
}

base::Result<void> AccelerationSetup::test_again() {
    auto verdict = test_kernel();
    if (!verdict) return tl::make_unexpected(verdict.error());
    configure(std::move(*verdict));
    return {};
}

base::Result<acceleration::Verdict> AccelerationSetup::test_kernel() {
    auto verdict = acceleration::self_test(context_.cgroup_path);
    if (!verdict) return verdict;
    context_.degradations.clear("acceleration test");
    if (verdict->out_of_time) return verdict;  // of a busy machine: the next start tries again
    const acceleration::VerdictFile file(context_.settings.state_directory);
    if (auto saved = file.save(*verdict); !saved) spdlog::warn("{}", saved.error().message());
    return verdict;
}

void AccelerationSetup::configure(acceleration::Verdict verdict) {
    const auto& wanted = context_.settings.acceleration;
    if (auto done = accelerator_->configure(wanted, std::move(verdict), surroundings(context_)); !done) {
        context_.degradations.set("acceleration", done.error().message(), "what was in force goes on");
        return;
    }
    const auto& policy = accelerator_->policy();
    if (policy.refused)
        context_.degradations.set("acceleration",
                                  "mode " + std::string(config::name(wanted.mode)) + " is asked for, but this kernel allows " +
                                      std::string(config::name(policy.mode)) + ": " + policy.reason,
                                  policy.remedy);
    else if (!policy.unknown.empty())
        context_.degradations.set("acceleration",
                                  "acceleration.exclude names " + policy.unknown.front() + ", which is not on this host",
                                  "correct it, or make the user or cgroup and reload");
    else
        context_.degradations.clear("acceleration");
    spdlog::info("short way: mode {}: {}{}{}", config::name(policy.mode), policy.reason, policy.remedy.empty() ? "" : "; ",
                 policy.remedy);
}

void AccelerationSetup::services_changed() {
    if (auto told = accelerator_->services_changed(); !told)
        context_.degradations.set("acceleration", told.error().message(), "tried again at the next change");
}

}  // namespace meshd::app
