// SPDX-License-Identifier: Apache-2.0
// What the agent and its worker say to each other.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "app/context.hpp"
#include "app/retired_workers.hpp"
#include "app/standby_worker.hpp"
#include "http/message.hpp"

namespace meshd::app {

class WorkerLink {
public:
    struct Handlers {
        std::function<void(channel::Delta)> on_delta;
        std::function<void(channel::Policies)> on_policies;
        std::function<void(const channel::HealthReport&)> on_health;
        std::function<std::vector<model::ServicePtr>()> known_services;  // what a worker that begins is to start from
        std::function<void()> on_hello;                   // a worker is there that knows the settings and nothing else
        std::function<void(base::UniqueFd)> on_handover;  // as in WorkerHandlers
        std::function<void(const channel::TlsFinding&)> on_tls_finding;
        std::function<void(const http::Request&, http::Respond)> on_view;  // a question of the picture, see control::Router
        std::function<void()> on_down;
        std::function<void(channel::Pods)> on_pods;
        std::function<void()> on_whole;  // a worker that began has told of all services it knows
    };

    WorkerLink(boost::asio::io_context& io, Context& context, Handlers handlers)
        : io_(io), context_(context), handlers_(std::move(handlers)), retired_(io) {}

    base::Result<void> start(const std::string& binary);
    void stop();
    // Another worker takes the place of this one, which goes on with the connections that it carries. `done`: with the process id
    // of the new one when it has; an error: all is as it was. EBUSY: it cannot be done now.
    void replace(std::function<void(base::Result<pid_t>)> done);
    void send_settings();
    // Frames as channel::split_flows() makes them. False: none was sent, since there is no worker or it is behind.
    bool send_flows(const std::vector<std::string>& frames);
    // False: there is no worker.
    bool check_tls(const channel::TlsCheck& check);
    void send_ejected(const channel::Ejected& ejected);
    // Somebody has put files aside that the worker writes to.
    void reopen_files();
    // Asks for a full comparison with a registry; empty: with all.
    [[nodiscard]] base::Result<void> sync_registry(const std::string& name);
    [[nodiscard]] WorkerStatus status() const;
    [[nodiscard]] std::vector<RetiredWorkers::One> retired() const { return retired_.all(); }

private:
    [[nodiscard]] WorkerOptions options() const;
    [[nodiscard]] std::chrono::seconds shutdown_time() const;
    WorkerHandlers process_handlers();
    void change_places(const std::function<void(base::Result<pid_t>)>& done);
    void remind(channel::Channel& channel);
    void take(channel::Message message);
    void take_delta(channel::Delta delta);
    void hand_on_changes();
    void take_registry(channel::RegistryStatus status);
    void take_exporters(const channel::ExportStatus& status);
    void answer_metrics(std::uint64_t id);
    void answer_view(channel::ViewRequest request);
    void note_state();

    boost::asio::io_context& io_;
    Context& context_;
    Handlers handlers_;
    std::string binary_;
    std::unique_ptr<WorkerProcess> process_;  // null before start()
    std::unique_ptr<StandbyWorker> standby_;  // null: nothing is replaced now
    RetiredWorkers retired_;
    // Changes that have not been handed on; null: gone.
    std::map<std::string, model::ServicePtr> changes_;
    bool are_complete_ = false;
    bool has_changes_ = false;
};

}  // namespace meshd::app
