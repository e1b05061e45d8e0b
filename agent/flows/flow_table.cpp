// SPDX-License-Identifier: Apache-2.0
#include "flows/flow_table.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include "flows/event_identity.hpp"

namespace meshd::flows {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;

constexpr auto sweep_interval = 1s;
constexpr std::uint64_t sweeps_per_pass = 30;  // every so many sweeps the whole table is looked through

// Backends that have metrics of their own.
constexpr std::size_t most_backends = 1000;

constexpr std::array<std::string_view, 4> changes{"", "opened", "ended", "refused"};

constexpr std::array<std::string_view, MD_REASON_COUNT> reasons{
#define X(enumerator, label, meaning) label,
    MD_REASONS(X)
#undef X
};

std::string_view change_of(const md_flow_event& event) { return event.change < changes.size() ? changes[event.change] : ""; }

std::string_view reason_of(const md_flow_event& event) {
    if (event.change == MD_FLOW_REFUSED) return event.reason < reasons.size() ? reasons[event.reason] : "";
    return event.change == MD_FLOW_ENDED && event.reason == MD_FLOW_END_AGED ? "aged_out" : "";
}

json::object event_json(const md_flow_event& event, const Names& names, CgroupNames& cgroups, std::uint64_t now_ns) {
    auto flow = from_record(event.key, event.flow);
    // Of a call, only what was asked for is known.
    const bool nameless = event.change == MD_FLOW_REFUSED && event.flow.source == MD_FLOW_SOCKET;
    if (event.change == MD_FLOW_REFUSED) {
        flow.service = {};
        flow.server = event.flow.service;
    }
    if (nameless) {
        flow.client = {};
        flow.client.protocol = event.key.protocol;
    }
    auto row = flow_json(flow, names, cgroups, now_ns);
    if (nameless) row["client"] = "";
    row["id"] = id_text(flow_id(event));
    row["time"] = event_time(event, now_ns, std::chrono::system_clock::now());
    row["event"] = change_of(event);
    row["verdict"] = event.change == MD_FLOW_REFUSED ? "refused" : "allowed";
    row["reason"] = reason_of(event);
    return row;
}

tl::unexpected<base::Error> busy() {
    return base::fail({"read", "the flows", EBUSY, "too many questions wait for an answer", "try again"});
}

}  // namespace

FlowTable::FlowTable(boost::asio::io_context& io, const kernel::Datapath& datapath,
                     std::function<const reconcile::RealizedState&()> realized, std::string cgroup_mount)
    : io_(io),
      datapath_(datapath),
      realized_(std::move(realized)),
      maps_(datapath),
      watcher_(io,
               [this](bool wanted) {
                   decided_.watched = wanted ? 1 : 0;
                   return maps_.decide(decided_);
               }),
      sweep_timer_(io),
      cgroups_(std::move(cgroup_mount)),
      sweeper_(maps_),
      totaller_(maps_) {}

base::Result<void> FlowTable::configure(const config::Flows& wanted, bool has_devices, const config::TrackTimeouts& timeouts) {
    timeouts_ = timeouts;
    decided_.sockets = wanted.enabled ? 1 : 0;
    decided_.devices = wanted.enabled && wanted.devices && has_devices ? 1 : 0;
    decided_.timed = wanted.enabled && wanted.response_time ? 1 : 0;
    return maps_.decide(decided_);
}

base::Result<void> FlowTable::open() {
    if (auto opened = watcher_.open(datapath_); !opened) return opened;
    sweep();
    return {};
}

Filter FlowTable::filter_of(const control::FlowQuery& query) const {
    Filter filter;
    if (query.service) {
        const auto ids = realized_().ids_of_service(*query.service);
        filter.services.emplace(ids.begin(), ids.end());
    }
    filter.backend = query.backend;
    filter.address = query.address;
    filter.state = query.state;
    filter.source = query.source;
    filter.min_age_ns = static_cast<std::uint64_t>(query.min_age.count()) * 1'000'000U;
    return filter;
}

NamesPtr FlowTable::names() {
    if (!names_ || names_->generation != realized_().generation()) names_ = names_of(realized_(), pods_);
    return names_;
}

void FlowTable::pods_changed(const std::vector<model::Pod>& pods) {
    pods_ = PodNames(pods);
    names_.reset();
}

void FlowTable::answer(Background& thread, std::function<base::Result<std::string>()> make, control::Later later) {
    const auto handed = std::make_shared<control::Later>(std::move(later));
    const bool taken = thread.post([this, make = std::move(make), handed] {
        auto text = std::make_shared<base::Result<std::string>>(attempt(make));
        boost::asio::post(io_, [text, handed] { (*handed)(std::move(*text)); });
    });
    if (!taken) (*handed)(busy());
}

void FlowTable::list(const control::FlowQuery& query, control::Later later) {
    answer(
        questions_,
        [this, filter = filter_of(query), sort = query.sort, limit = query.limit,
         names = names()]() -> base::Result<std::string> {
            const auto now = monotonic_ns();
            const auto listing = flows::list(maps_, filter, sort, limit, now);
            if (!listing) return tl::make_unexpected(listing.error());
            json::array rows;
            rows.reserve(listing->flows.size());
            for (const auto& flow : listing->flows) rows.emplace_back(flow_json(flow, *names, cgroups_, now));
            return json::serialize(
                json::object{{"flows", std::move(rows)}, {"matched", listing->matched}, {"total", listing->total}});
        },
        std::move(later));
}

void FlowTable::watch(const control::WatchQuery& query, control::Later later) {
    std::optional<std::set<std::uint32_t>> services;
    if (query.service) {
        const auto ids = realized_().ids_of_service(*query.service);
        services.emplace(ids.begin(), ids.end());
    }
    watcher_.wait(query.cursor, [this, services = std::move(services), later = std::move(later)](EventLog::Part part) {
        deliver(std::move(part), services, later);
    });
}

void FlowTable::deliver(EventLog::Part part, const std::optional<std::set<std::uint32_t>>& services, control::Later later) {
    answer(
        questions_,
        [this, part = std::move(part), services, names = names()]() -> base::Result<std::string> {
            const auto now = monotonic_ns();
            json::array events;
            for (const auto& event : part.events)
                if (!services || services->contains(event.flow.service_id))
                    events.emplace_back(event_json(event, *names, cgroups_, now));
            return json::serialize(json::object{{"events", std::move(events)}, {"next", part.next}, {"lost", part.lost}});
        },
        std::move(later));
}

base::Result<void> FlowTable::follow(const model::FlowChoice& choice, std::function<void(ExportedEvents)> deliver) {
    if (std::find(choice.changes.begin(), choice.changes.end(), true) == choice.changes.end()) return watcher_.follow({});
    return watcher_.follow([this, choice, deliver = std::move(deliver)](EventLog::Part part) {
        const auto count = part.events.size();
        part.lost += std::exchange(not_followed_, 0);
        const auto lost = part.lost;
        const bool taken = questions_.post([this, choice, deliver, part = std::move(part), names = names()] {
            const auto now = monotonic_ns();
            ExportedEvents exported{{}, part.lost, {}};
            for (const auto& event : part.events) {
                const auto change = model::parse_flow_event(change_of(event));
                if (!change || !choice.wants(*change)) continue;
                if (choice.samples(flow_id(event)))
                    exported.events.emplace_back(event_json(event, *names, cgroups_, now));
                else
                    ++exported.left_out.at(static_cast<std::size_t>(*change));
            }
            deliver(std::move(exported));
        });
        if (!taken) not_followed_ = lost + count;
    });
}

void FlowTable::traffic(control::Later later) {
    answer(
        upkeep_,
        [this, names = names()]() -> base::Result<std::string> {
            const auto totals = totaller_.read();
            if (!totals) return tl::make_unexpected(totals.error());
            return json::serialize(totals_json(*totals, *names));
        },
        std::move(later));
}

void FlowTable::flush(const control::FlowQuery& query, control::Later later) {
    answer(
        questions_,
        [this, filter = filter_of(query)]() -> base::Result<std::string> {
            const auto flushed = flows::flush(maps_, filter, monotonic_ns());
            if (!flushed) return tl::make_unexpected(flushed.error());
            return json::serialize(json::object{{"flushed", *flushed}});
        },
        std::move(later));
}

void FlowTable::families(std::function<void(json::array)> later) {
    const auto handed = std::make_shared<std::function<void(json::array)>>(std::move(later));
    const bool taken = upkeep_.post([this, handed, names = names()] {
        auto made = attempt([&]() -> base::Result<json::array> {
            const auto totals = totaller_.read();
            if (!totals) return tl::make_unexpected(totals.error());
            return totals_families(*totals, *names, most_backends);
        });
        if (!made) spdlog::warn("{}", made.error().message());
        auto families = std::make_shared<json::array>(made ? std::move(*made) : json::array());
        boost::asio::post(io_, [handed, families] { (*handed)(std::move(*families)); });
    });
    if (!taken) (*handed)({});
}

base::Result<void> FlowTable::sweep_now(bool whole, const config::TrackTimeouts& timeouts) {
    const auto now = monotonic_ns();
    if (auto swept = sweeper_.remove_ended(now); !swept) return swept;
    if (!whole && !sweeps_again_) return {};
    auto swept = sweeper_.remove_stale(now, timeouts);
    if (!swept) return tl::make_unexpected(swept.error());
    sweeps_again_ = swept->more;
    if (!swept->aged.empty())
        boost::asio::post(io_, [this, aged = std::make_shared<std::vector<md_flow_event>>(std::move(swept->aged))] {
            for (const auto& event : *aged) watcher_.tell(event);
        });
    return {};
}

void FlowTable::sweep() {
    const bool whole = ++sweeps_ % sweeps_per_pass == 0;
    if (whole || names()->generation != retired_) retire();
    upkeep_.post([this, whole, timeouts = timeouts_] {
        if (auto swept = attempt([&] { return sweep_now(whole, timeouts); }); !swept) spdlog::warn("{}", swept.error().message());
    });
    sweep_timer_.expires_after(sweep_interval);
    sweep_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) sweep();
    });
}

void FlowTable::retire() {
    const auto names = this->names();
    retired_ = names->generation;
    upkeep_.post([this, names] {
        if (auto retired = attempt([&] { return totaller_.retire(*names); }); !retired)
            spdlog::warn("{}", retired.error().message());
    });
}

}  // namespace meshd::flows
