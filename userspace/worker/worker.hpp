// SPDX-License-Identifier: Apache-2.0
// The worker's life: says hello, is told its settings, follows the registry they name and tells the agent what changes, until the
// agent is gone or says shutdown.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include "announce/announcements.hpp"
#include "base/unique_fd.hpp"
#include "channel/assembler.hpp"
#include "channel/channel.hpp"
#include "channel/messages.hpp"
#include "exporters/exporters.hpp"
#include "worker/encryption.hpp"
#include "worker/feed.hpp"
#include "worker/listeners.hpp"
#include "worker/metrics_page.hpp"
#include "worker/peer_checks.hpp"
#include "worker/picture.hpp"
#include "worker/probes.hpp"
#include "worker/registries.hpp"

namespace meshd::worker {

class Worker {
public:
    // Everything runs on the thread of the loop.
    Worker(boost::asio::io_context& context, base::UniqueFd channel, base::UniqueFd handover);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Ends by stopping the loop: when the channel closes, at "shutdown" and at SIGTERM; after "retire" with the last connection.
    void start();
    // After the loop: what exporters hold gets a last chance.
    void finish() { exporters_.finish(); }

private:
    void stop(std::string_view why);
    void leave(std::string_view why, std::chrono::seconds longest = {});
    void end_leaving();
    void wait_for_signal();
    void take(boost::json::object json);
    void apply(channel::SettingsMessage settings);
    void take_answer(channel::MetricsPart part);
    void report_exporters();

    void remember(channel::Delta part);
    void remember(channel::Policies part);
    void on_change(const registry::Change& change);
    void send_changes();
    void send_pods();
    void send_rules(const registry::Change& change);
    void send_delta(const channel::Delta& delta);
    void report_soon();
    void report();
    void report_registries_soon();
    void report_registries_after(std::chrono::milliseconds time);
    void report_registries();
    void report_certificates();
    void report_edge();
    void retire(std::chrono::seconds longest);
    void stop_taking();
    void end_with_the_last();
    void follow_announcements(bool is_first);
    void report_announcements();
    void trim_later();

    [[nodiscard]] channel::RegistryStatus status() const;
    [[nodiscard]] std::vector<prometheus::MetricFamily> own_families() const;
    [[nodiscard]] std::string why_unhealthy() const;

    boost::asio::io_context& context_;
    channel::Channel channel_;
    channel::Assembler assembler_;
    boost::asio::signal_set signals_;
    std::optional<channel::SettingsMessage> settings_;
    MetricsPage page_;
    Picture picture_;
    exporters::Exporters exporters_;
    std::optional<channel::ExportStatus> exporters_reported_;

    Registries registries_;
    bool was_read_ = false;  // the directory of files
    boost::json::array registries_reported_;
    boost::asio::steady_timer registries_timer_;
    bool is_registries_report_due_ = false;
    std::optional<announce::Announcements> announcements_;  // nothing: this worker is retired
    boost::json::array announcements_reported_;
    boost::asio::steady_timer leave_timer_;
    bool is_leaving_ = false;
    std::chrono::seconds leaving_for_{0};  // what is in use goes on so long
    bool is_retired_ = false;
    bool takes_connections_ = true;
    boost::asio::steady_timer retirement_timer_;
    std::chrono::steady_clock::time_point retirement_end_;
    Encryption encryption_;
    PeerChecks peer_checks_;
    Listeners listeners_;
    std::optional<boost::json::array> certificates_reported_, edge_reported_;
    Feed feed_;
    std::optional<Probes> probes_;     // nothing: this worker is retired
    std::optional<bool> rules_told_;   // nothing: not yet; else whether they were complete
    std::set<std::string> too_large_;  // services that no frame takes
    std::chrono::system_clock::time_point last_change_;
    boost::asio::steady_timer send_retry_;
    boost::asio::steady_timer report_timer_;
    bool is_report_due_ = false;
    std::optional<channel::RegistryStatus> reported_;
    boost::asio::steady_timer trim_timer_;
};

}  // namespace meshd::worker
