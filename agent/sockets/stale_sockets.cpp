// SPDX-License-Identifier: Apache-2.0
#include "sockets/stale_sockets.hpp"

#include <algorithm>
#include <ctime>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <boost/asio/post.hpp>

namespace meshd::sockets {

namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr auto burst = 20ms;  // changes that come together are one pass
constexpr auto share = 4;     // a pass of a second is followed by four without one

std::size_t row_of(const md_endpoint& backend) {
    return backend.protocol == static_cast<std::uint8_t>(base::Protocol::tcp) ? 0 : 1;
}

std::string closed_text(const Departure& departure, std::uint64_t sockets, std::uint64_t forwarded, std::uint64_t now_ns) {
    return fmt::format("closed {} sockets and {} forwarded connections of {} to {}: {} since {:.1f} s", sockets, forwarded,
                       departure.service.empty() ? "a service that is gone" : departure.service,
                       reconcile::text(departure.backend), whys.at(static_cast<std::size_t>(departure.why)),
                       static_cast<double>(now_ns - departure.since_ns) / 1e9);
}

}  // namespace

std::uint64_t boottime_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

struct StaleSockets::Round {
    Pass pass;
    Steady::time_point begun;
    Scan scan;
    std::vector<std::optional<Departures::Key>> owners;  // of the suspects; nothing: it is fine
    std::vector<bool> condemned;
};

StaleSockets::StaleSockets(boost::asio::io_context& io, const kernel::Datapath& datapath, Surroundings around,
                           const std::string& state_directory)
    : io_(io), datapath_(datapath), around_(std::move(around)), file_(state_directory), timer_(io), boot_(boot_id()) {
    background_.emplace();
}

bool StaleSockets::post(std::function<void()> job) { return background_ && background_->post(std::move(job)); }

void StaleSockets::want() {
    if (!wanted_) wanted_ = Steady::now() + burst;
}

void StaleSockets::begin(bool adopted) {
    if (adopted) {
        if (auto found = file_.load(); !found)
            spdlog::warn("{}", found.error().message());
        else
            for (auto& departure : *found) departures_.restore(std::move(departure), around_.reconciler().realized());
    }
    post([this] { boost::asio::post(io_, [this, abilities = try_out(datapath_)] { take_abilities(abilities); }); });
}

void StaleSockets::take_abilities(const Abilities& abilities) {
    abilities_ = abilities;
    tell({});
    arm();
}

// What is missing for good stands before what went wrong once.
void StaleSockets::tell(const std::optional<base::Error>& problem) {
    if (abilities_->destroy)
        around_.degraded(
            abilities_->destroy->message() + ": sockets of backends that have left stay until they end by themselves",
            "use a kernel with CONFIG_INET_DIAG_DESTROY, or 6.5 and later with tracing programs");
    else if (abilities_->storage)
        around_.degraded(abilities_->storage->message() + ": TCP sockets are found only where flows have records of them", "");
    else if (problem)
        around_.degraded(problem->message(), "tried again by itself");
    else
        around_.degraded("", "");
}

void StaleSockets::before_services_change(const std::vector<model::ServicePtr>& services) {
    if (departures_.set_policies(services)) want();
}

void StaleSockets::backends_changed(const std::vector<reconcile::BackendChange>& changes) {
    const auto now = boottime_ns();
    for (const auto& change : changes) {
        departures_.note(change, now);
        if (change.after != MD_BACKEND_READY) want();
    }
    if (answered_) arm();
}

void StaleSockets::services_changed() {
    // Once for what was left behind while no agent ran.
    if (!std::exchange(answered_, true)) want();
    arm();
}

void StaleSockets::check() {
    if (departures_.all().empty()) return;
    want();
    arm();
}

void StaleSockets::end() {
    background_.reset();  // a pass that is under way ends
    timer_.cancel();
    if (auto saved = file_.save(departures_text(departures_.all(), boot_)); !saved) spdlog::warn("{}", saved.error().message());
}

void StaleSockets::arm() {
    if (running_ || !answered_ || !abilities_) return;
    auto at = wanted_;
    const auto boot_now = boottime_ns();
    if (const auto deadline = departures_.next_deadline(boot_now)) {
        const auto due = Steady::now() + std::chrono::nanoseconds(*deadline - boot_now) + 1ms;
        at = std::min(at.value_or(due), due);
    }
    if (!at) return;
    timer_.expires_at(std::max(*at, earliest_));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) look();
    });
}

// The first pass asks all sockets: what an earlier agent knew may have been lost.
Pass::Leaving StaleSockets::leaving() const {
    if (figures_.passes == 0) return std::nullopt;
    Pass::Leaving endpoints(std::in_place);
    for (const auto& [key, departure] : departures_.all()) endpoints->insert(key.backend);
    return endpoints;
}

void StaleSockets::look() {
    if (running_) return;
    const auto finding = abilities_->storage ? Finding::records : Finding::storage;
    const auto round = std::make_shared<Round>(
        Round{Pass(datapath_, finding, around_.forwards(), leaving(), abilities_->ender), Steady::now(), {}, {}, {}});
    running_ = post([this, round] {
        round->scan = round->pass.scan();
        boost::asio::post(io_, [this, round] { judge(round); });
    });
    if (running_) wanted_.reset();
}

void StaleSockets::judge(const RoundPtr& round) {
    const auto& suspects = round->scan.suspects;
    const auto now = boottime_ns();
    departures_.clear_counts();
    round->owners.resize(suspects.size());
    round->condemned.resize(suspects.size());
    bool any = false;
    for (std::size_t i = 0; i < suspects.size(); ++i) {
        auto* const departure = departures_.judge(suspects[i].peer, around_.reconciler().realized(), now);
        if (departure == nullptr) continue;
        departure->open += suspects[i].sockets;
        departure->forwarded += suspects[i].forwarded;
        round->owners[i] = Departures::Key{departure->service_id, departure->backend};
        const auto at = departure->closes_at();
        const bool can = !abilities_->destroy || suspects[i].sockets == 0;
        round->condemned[i] = can && at && *at <= now;
        any |= round->condemned[i];
    }
    if (!any) return finish(round);
    std::vector<pid_t> own{::getpid()};
    if (const auto worker = around_.worker(); worker != 0) own.push_back(worker);
    const bool taken = post([this, round, own] {
        auto ended = round->pass.end(round->scan, round->condemned, own);
        boost::asio::post(io_, [this, round, ended = std::move(ended)] { count(round, ended); });
    });
    if (!taken) finish(round);
}

void StaleSockets::count(const RoundPtr& round, const Ended& ended) {
    std::map<Departures::Key, std::pair<std::uint64_t, std::uint64_t>, reconcile::BytesLess> sums;
    for (std::size_t i = 0; i < ended.sockets.size(); ++i) {
        if (!round->owners[i] || ended.sockets[i] + ended.forwarded[i] == 0) continue;
        auto& [sockets, forwarded] = sums[*round->owners[i]];
        sockets += ended.sockets[i];
        forwarded += ended.forwarded[i];
    }
    for (const auto& [key, sum] : sums) {
        auto* const departure = departures_.find(key);
        if (departure == nullptr) continue;  // it came back meanwhile
        const auto [sockets, forwarded] = sum;
        const auto why = static_cast<std::size_t>(departure->why);
        figures_.closed.at(row_of(key.backend)).at(why) += sockets;
        figures_.forwarded.at(row_of(key.backend)).at(why) += forwarded;
        departure->closed += sockets + forwarded;
        departure->open -= std::min(departure->open, sockets);
        departure->forwarded -= std::min(departure->forwarded, forwarded);
        spdlog::info("{}", closed_text(*departure, sockets, forwarded, boottime_ns()));
    }
    if (ended.problem && !round->scan.problem) round->scan.problem = ended.problem;
    finish(round);
}

void StaleSockets::finish(const RoundPtr& round) {
    const auto& scan = round->scan;
    figures_.passes += 1;
    figures_.at = std::chrono::system_clock::now();
    figures_.took = std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - round->begun);
    figures_.sockets = scan.sockets;
    figures_.namespaces = scan.namespaces;
    if (scan.problem) spdlog::warn("{}", scan.problem->message());
    tell(scan.problem);
    if (!scan.problem) departures_.forget(boottime_ns(), around_.reconciler().desired());
    earliest_ = Steady::now() + share * figures_.took;
    running_ = false;
    save();
    arm();
}

void StaleSockets::save() {
    auto text = departures_text(departures_.all(), boot_);
    if (text == saved_) return;
    const bool taken = post([this, text] {
        if (auto saved = file_.save(text); !saved) spdlog::warn("{}", saved.error().message());
    });
    if (taken) saved_ = std::move(text);
}

}  // namespace meshd::sockets
