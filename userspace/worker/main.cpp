// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <string>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>

#include "acme/helpers.hpp"
#include "base/version.hpp"
#include "worker/confinement.hpp"
#include "worker/guard.hpp"
#include "worker/worker.hpp"

namespace {

constexpr int failed = 1;
constexpr int wrong_usage = 2;

// The agent's stderr is this process' too; the name tells the lines apart.
void set_up_log() {
    auto log = spdlog::stderr_color_mt("worker");
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %n: %v");
    log->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(log));
}

int run(int channel_fd, int handover_fd) {
    if (const auto allowed = meshd::worker::check_privileges(); !allowed) {
        spdlog::critical("{}", allowed.error().message());
        return wrong_usage;
    }
    if (const auto confined = meshd::worker::confine(); !confined) {
        spdlog::critical("{}", confined.error().message());
        return failed;
    }
    auto channel = meshd::worker::take_channel(channel_fd);
    if (!channel) {
        spdlog::critical("{}", channel.error().message());
        return wrong_usage;
    }
    auto handover = meshd::worker::take_handover(handover_fd);
    if (!handover) {
        spdlog::critical("{}", handover.error().message());
        return wrong_usage;
    }
    boost::asio::io_context context(1);
    meshd::worker::Worker worker(context, std::move(*channel), std::move(*handover));
    worker.start();
    context.run();
    worker.finish();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto ended = meshd::acme::run_helper(argc, argv)) return *ended;
    CLI::App app(
        "The worker of meshd: reads registries and serves metrics, without privilege. It is started by meshd; not by hand.");
    int channel_fd = 3;
    app.add_option("--channel-fd", channel_fd, "Descriptor of the channel to meshd")->capture_default_str();
    int handover_fd = 4;
    app.add_option("--handover-fd", handover_fd, "Descriptor that meshd hands listening sockets over by")->capture_default_str();
    app.set_version_flag("--version", std::string("meshd-userspace ") + meshd::base::version + " (" + meshd::base::commit + ")");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : wrong_usage;
    }
    try {
        set_up_log();
        return run(channel_fd, handover_fd);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "meshd-userspace: %s\n", error.what());
        return failed;
    }
}
