// SPDX-License-Identifier: Apache-2.0
#include "health/backend_health.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <spdlog/spdlog.h>
#include <unistd.h>

namespace meshd::health {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_overrides = 4096;
constexpr auto longest_pause = 1h;  // a timer that is due later is set again

constexpr std::array<std::string_view, 6> failure_names{"nothing",   "refused",     "reset",
                                                        "timed out", "unreachable", "reset before it answered"};

std::string why_text(std::uint8_t why, std::uint8_t how, std::uint32_t row, std::uint32_t failures, std::uint32_t ejections) {
    auto text =
        why == MD_EJECTION_RATE
            ? "about " + std::to_string((failures * 100 + MD_FAILURES_ONE / 2) / MD_FAILURES_ONE) + " % of connections failed"
            : std::to_string(row) + (row == 1 ? " failed connection" : " failed connections in a row");
    if (how != MD_FAILURE_NONE && how < failure_names.size()) text += ", the last was " + std::string(failure_names.at(how));
    if (ejections > 1) text += "; ejected " + std::to_string(ejections) + " times in a row";
    return text;
}

}  // namespace

BackendHealth::BackendHealth(boost::asio::io_context& io, const kernel::Datapath& datapath, reconcile::Reconciler& reconciler,
                             const std::string& state_directory, const HealthTable& probes, std::function<void()> replanned,
                             std::function<void(const BackendKey&)> ejected)
    : maps_(datapath),
      datapath_(datapath),
      reconciler_(reconciler),
      file_(state_directory),
      replanned_(std::move(replanned)),
      ejected_(std::move(ejected)),
      states_(probes),
      feed_(io),
      descriptor_(io),
      timer_(io) {
    reconciler_.set_states(
        [this](const model::Service& service, const model::ServicePort& port) { return states_.states(service, port); });
}

base::Result<void> BackendHealth::load() {
    check();  // ejections of before: the kernel has gone on with them
    auto overrides = file_.load();
    if (!overrides) return tl::make_unexpected(overrides.error());
    for (auto& [backend, word] : *overrides) {
        word.since = clock_.from_day(word.since);
        if (word.until) word.until = clock_.from_day(*word.until);
    }
    states_.set_overrides(std::move(*overrides));
    (void)states_.expire_overrides(clock_.now());
    schedule();
    return {};
}

base::Result<void> BackendHealth::open() {
    auto events =
        kernel::open_ring<md_ejected>(datapath_, "md_ejections", [this](const md_ejected& event) { on_ejected(event); });
    if (!events) return tl::make_unexpected(events.error());
    events_ = std::move(*events);
    boost::system::error_code error;
    descriptor_.assign(::dup(events_->fd()), error);
    if (error) return base::fail({"watch ring buffer", "md_ejections", error.value(), {}, {}});
    events_->drain();
    wait_for_events();
    return {};
}

void BackendHealth::wait_for_events() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        events_->drain();
        wait_for_events();
    });
}

std::optional<BackendKey> BackendHealth::key_of(Ids ids) const {
    const auto* const service = reconciler_.realized().find(ids.service);
    if (service == nullptr || !service->name) return std::nullopt;
    const auto backend = service->backends.find(ids.backend);
    if (backend == service->backends.end()) return std::nullopt;
    return BackendKey{*service->name, reconcile::decode(backend->second.endpoint)};
}

std::optional<BackendHealth::Ids> BackendHealth::ids_of(const BackendKey& backend) const {
    const auto id = reconciler_.realized().id_of(backend.port);
    const auto* const service = id ? reconciler_.realized().find(*id) : nullptr;
    if (service == nullptr) return std::nullopt;
    const auto endpoint = reconcile::encode(backend.endpoint, backend.port.protocol);
    for (const auto& [backend_id, value] : service->backends)
        if (reconcile::same_bytes(value.endpoint, endpoint)) return Ids{*id, backend_id};
    return std::nullopt;
}

void BackendHealth::on_ejected(const md_ejected& event) {
    note_ejected({event.service_id, event.backend_id},
                 {clock_.at(event.since_ns), clock_.at(event.until_ns),
                  why_text(event.why, event.how, event.row, event.failures, event.ejections)});
}

void BackendHealth::note_ejected(Ids ids, Ejection ejection) {
    const auto key = key_of(ids);
    if (!key) return;  // it has left meanwhile
    // The record of one that is over already, or the second telling of the same.
    const auto known = states_.ejected().find(*key);
    if (ejection.until <= clock_.now() || (known != states_.ejected().end() && known->second.until >= ejection.until)) return;
    states_.set_ejected(*key, std::move(ejection));
    look({key->port.service}, true);
    schedule();
    ejected_(*key);
}

// What the ring buffer had no room for, what ended without this agent, and what belongs to backends that are gone.
void BackendHealth::check() {
    const auto ejected = maps_.ejected();
    if (!ejected) {
        spdlog::warn("{}", ejected.error().message());
        return;
    }
    std::set<BackendKey> found;
    for (const auto& [id, service] : reconciler_.realized().services()) {
        if (ejected->empty()) break;
        for (const auto& [backend_id, backend] : service.backends) {
            const auto vitals = ejected->find(backend_id);
            if (vitals == ejected->end() || !service.name) continue;
            const auto& value = vitals->second;
            if (clock_.at(value.ejected_until_ns) <= clock_.now()) {
                if (auto ended = maps_.readmit(id, backend_id, false); !ended) spdlog::warn("{}", ended.error().message());
                continue;
            }
            found.insert({*service.name, reconcile::decode(backend.endpoint)});
            note_ejected({id, backend_id}, {clock_.at(value.ejected_ns), clock_.at(value.ejected_until_ns),
                                            why_text(value.why, value.how, value.row, value.failures, value.ejections)});
        }
    }
    std::set<std::string> changed;
    std::vector<BackendKey> over;
    for (const auto& [key, ejection] : states_.ejected())
        if (!found.contains(key)) over.push_back(key);
    for (const auto& key : over) {
        states_.clear_ejected(key);
        changed.insert(key.port.service);
    }
    look(changed, true);
}

void BackendHealth::services_changed() {
    auto all = looked_at_;  // those that are gone are to be forgotten
    for (const auto& [name, service] : reconciler_.desired().services) all.insert(name);
    services_changed(all);
}

void BackendHealth::services_changed(const std::set<std::string>& services) {
    const auto& desired = reconciler_.desired().services;
    for (const auto& name : services)
        if (!desired.contains(name)) {
            states_.forget(name);
            looked_at_.erase(name);
        }
    look(services, false);  // their tables were made by what is known
}

void BackendHealth::probes_changed(const std::set<std::string>& services) { look(services, true); }

void BackendHealth::look(const std::set<std::string>& services, bool replan) {
    const auto& desired = reconciler_.desired().services;
    const auto now = clock_.now();
    std::set<std::string> to_plan;
    for (const auto& name : services) {
        const auto found = desired.find(name);
        if (found == desired.end()) continue;
        auto changes = states_.look(*found->second, now, looked_at_.insert(name).second);
        to_plan.merge(changes.services);
        tell(changes);
    }
    if (!replan || to_plan.empty()) return;
    reconciler_.states_changed(to_plan);
    replanned_();
}

void BackendHealth::tell(const BackendStates::Changes& changes) {
    const auto now = clock_.now();
    for (const auto& change : changes.backends) put(to_event(change, now));
    for (const auto& change : changes.panics) put(to_event(change, now));
}

void BackendHealth::put(Event event) {
    std::uint64_t untold = 0;
    if (lines_.take(clock_.now(), untold)) {
        if (untold != 0) spdlog::info("{} changes of backends were not logged: see meshctl event list", untold);
        const bool is_bad = event.to != name(State::ready) && event.to != "off";
        spdlog::log(is_bad ? spdlog::level::warn : spdlog::level::info, "{}", to_line(event));
    }
    feed_.put(std::move(event));
}

void BackendHealth::readmit(const BackendKey& backend) {
    const auto ids = ids_of(backend);
    if (!ids) return;
    if (const auto ended = maps_.readmit(ids->service, ids->backend, true); !ended) spdlog::warn("{}", ended.error().message());
    if (!states_.clear_ejected(backend)) return;
    look({backend.port.service}, true);
    schedule();
}

bool BackendHealth::knows(const BackendName& backend) const {
    const auto found = reconciler_.desired().services.find(backend.service);
    if (found == reconciler_.desired().services.end()) return false;
    return std::any_of(found->second->ports.begin(), found->second->ports.end(), [&](const model::ServicePort& port) {
        return std::any_of(port.backends.begin(), port.backends.end(),
                           [&](const model::Backend& one) { return one.endpoint == backend.endpoint; });
    });
}

base::Result<void> BackendHealth::keep(const Overrides& overrides) const {
    auto as_day = overrides;
    for (auto& [backend, word] : as_day) {
        word.since = clock_.to_day(word.since);
        if (word.until) word.until = clock_.to_day(*word.until);
    }
    return file_.save(as_day);
}

// Kept first: a word that a restart would forget is not given.
base::Result<bool> BackendHealth::set(const BackendName& backend, model::BackendState state,
                                      std::optional<std::chrono::seconds> duration) {
    if (!knows(backend)) return false;
    auto overrides = states_.overrides();
    const auto now = clock_.now();
    overrides[backend] = {state, now, duration ? std::optional(now + *duration) : std::nullopt};
    if (overrides.size() > most_overrides)
        return base::fail({"set the state of", backend.text(), 0,
                           "there are as many states set by hand as there may be, " + std::to_string(most_overrides),
                           "take some back with `meshctl backend reset`"});
    if (auto kept = keep(overrides); !kept) return tl::make_unexpected(kept.error());
    states_.set_overrides(std::move(overrides));
    if (state == model::BackendState::ready)
        for (const auto& port : reconciler_.desired().services.at(backend.service)->ports)
            readmit({{backend.service, port.number, port.protocol}, backend.endpoint});
    look({backend.service}, true);
    schedule();
    return true;
}

base::Result<bool> BackendHealth::clear(const BackendName& backend) {
    if (!knows(backend) && !states_.overrides().contains(backend)) return false;
    auto overrides = states_.overrides();
    if (overrides.erase(backend) == 0) return true;
    if (auto kept = keep(overrides); !kept) return tl::make_unexpected(kept.error());
    states_.set_overrides(std::move(overrides));
    look({backend.service}, true);
    schedule();
    return true;
}

void BackendHealth::end_what_is_over() {
    const auto now = clock_.now();
    auto changed = states_.expire_overrides(now);
    if (!changed.empty())
        if (auto kept = keep(states_.overrides()); !kept) spdlog::warn("{}", kept.error().message());
    std::vector<BackendKey> over;
    for (const auto& [key, ejection] : states_.ejected())
        if (ejection.until <= now) over.push_back(key);
    for (const auto& key : over) {
        states_.clear_ejected(key);
        changed.insert(key.port.service);
        if (const auto ids = ids_of(key))
            if (auto ended = maps_.readmit(ids->service, ids->backend, false); !ended)
                spdlog::warn("{}", ended.error().message());
    }
    look(changed, true);
}

void BackendHealth::schedule() {
    auto next = states_.next_expiry();
    for (const auto& [key, ejection] : states_.ejected())
        if (!next || ejection.until < *next) next = ejection.until;
    timer_.cancel();
    if (!next) return;
    // A millisecond more: what the kernel compares is over by then.
    timer_.expires_at(std::min(clock_.steady(*next) + 1ms, std::chrono::steady_clock::now() + longest_pause));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        end_what_is_over();
        schedule();
    });
}

}  // namespace meshd::health
