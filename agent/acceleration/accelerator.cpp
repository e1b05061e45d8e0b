// SPDX-License-Identifier: Apache-2.0
#include "acceleration/accelerator.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

namespace meshd::acceleration {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as bpf_ktime_get_ns()

constexpr auto look_interval = 1s;
constexpr unsigned looks_between_strays = 10;
constexpr auto unpaired_after = 2s;

constexpr std::uint64_t forever = ~std::uint64_t{0};

std::uint64_t nanoseconds(Clock::time_point time) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::uint64_t nanoseconds(const Until& until) { return until ? nanoseconds(*until) : forever; }

Until until(std::uint64_t stopped_until_ns) {
    if (stopped_until_ns == forever) return std::nullopt;
    return Clock::time_point(std::chrono::nanoseconds(stopped_until_ns));
}

bool is_over(const Until& until, Clock::time_point now) { return until && *until <= now; }

}  // namespace

Accelerator::Accelerator(boost::asio::io_context& io, const kernel::Datapath& datapath,
                         std::function<const reconcile::RealizedState&()> realized)
    : datapath_(datapath),
      short_way_(datapath),
      realized_(std::move(realized)),
      leaver_(io, short_way_),
      descriptor_(io),
      timer_(io) {}

// The clock of the maps is the kernel's, so a pause ends when it was to end. One of a service that has gone is not found again.
base::Result<void> Accelerator::adopt_pauses() {
    const auto now = nanoseconds(Clock::now());
    const auto decided = short_way_.decided();
    if (!decided) return tl::make_unexpected(decided.error());
    paused_ = decided->stopped_until_ns > now;
    if (paused_) paused_until_ = until(decided->stopped_until_ns);
    const auto halts = short_way_.halts();
    if (!halts) return tl::make_unexpected(halts.error());
    for (const auto& [id, halt] : *halts) {
        const auto* const service = realized_().find(id);
        if (halt.stopped_until_ns > now && service != nullptr && service->name)
            paused_services_.insert_or_assign(service->name->service, until(halt.stopped_until_ns));
    }
    return {};
}

base::Result<void> Accelerator::configure(const config::Acceleration& wanted, Verdict verdict, const Surroundings& here) {
    auto policy = make_policy(wanted, verdict, here);
    std::swap(policy, policy_);
    auto before = std::exchange(wanted_, wanted);
    std::swap(verdict, verdict_);
    if (auto told = tell(); !told) {
        policy_ = std::move(policy);
        wanted_ = std::move(before);
        verdict_ = std::move(verdict);
        return told;
    }
    return {};
}

// Exclusions first: what is written last makes open pairs look again.
base::Result<void> Accelerator::tell() {
    if (auto set = short_way_.set_exclusions(policy_.exclusions); !set) return tl::make_unexpected(set.error());
    if (auto set = tell_halts(); !set) return tl::make_unexpected(set.error());
    auto value = policy_.value;
    value.stopped_until_ns = paused_ ? nanoseconds(paused_until_) : 0;
    return short_way_.decide(value);
}

// Few services are halted, of however many there are: it is they that are looked for.
base::Result<bool> Accelerator::tell_halts() {
    std::map<std::string, md_halt> named;
    for (const auto& exclusion : wanted_.exclude)
        if (exclusion.kind == config::Exclusion::Kind::service) named[exclusion.text].excluded = 1;
    for (const auto& [name, until] : paused_services_) named[name].stopped_until_ns = nanoseconds(until);
    for (const auto& [name, until] : learner_.off(Clock::now())) named[name].learned_until_ns = nanoseconds(until);

    std::map<std::uint32_t, md_halt> halts;
    for (const auto& [name, halt] : named)
        for (const auto id : realized_().ids_of_service(name)) halts.emplace(id, halt);
    return short_way_.set_halts(halts);
}

base::Result<void> Accelerator::services_changed() {
    auto changed = tell_halts();
    if (!changed) return tl::make_unexpected(changed.error());
    return short_way_.refresh();  // a service may have been turned off in its table
}

base::Result<void> Accelerator::pause(const std::optional<std::string>& service, std::optional<std::chrono::seconds> duration) {
    const auto until = duration ? Until(Clock::now() + *duration) : std::nullopt;
    if (service) {
        paused_services_.insert_or_assign(*service, until);
    } else {
        paused_ = true;
        paused_until_ = until;
    }
    return tell();
}

base::Result<void> Accelerator::resume(const std::optional<std::string>& service) {
    if (service) {
        paused_services_.erase(*service);
    } else {
        paused_ = false;
        paused_services_.clear();
    }
    return tell();
}

base::Result<void> Accelerator::open() {
    auto events = kernel::open_ring<md_event>(datapath_, "md_events", [this](const md_event& event) { on_event(event); });
    if (!events) return tl::make_unexpected(events.error());
    events_ = std::move(*events);
    boost::system::error_code error;
    descriptor_.assign(::dup(events_->fd()), error);
    if (error) return base::fail({"watch ring buffer", "md_events", error.value(), {}, {}});
    find_strays();
    wait_for_events();
    schedule_look();
    return {};
}

void Accelerator::wait_for_events() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        events_->drain();
        wait_for_events();
    });
}

void Accelerator::on_event(const md_event& event) {
    leaver_.add(event.pair);
    if (event.left == 0 || event.why != MD_WHY_TCP_BACKLOG || event.service_id == 0) return;
    const auto* const service = realized_().find(event.service_id);
    if (service == nullptr || !service->name) return;
    const auto opened = short_way_.opened(event.service_id);
    if (!opened) return;
    const auto& name = service->name->service;
    const auto now = Clock::now();
    if (const auto until = learner_.left(name, *opened, now)) turn_off(name, *until - now);
}

void Accelerator::turn_off(const std::string& service, Clock::duration duration) {
    spdlog::info("short way: readers of service {} fall behind too often, new connections to it take TCP for {} s", service,
                 std::chrono::duration_cast<std::chrono::seconds>(duration).count());
    if (auto told = tell_halts(); !told) spdlog::warn("{}", told.error().message());
}

void Accelerator::schedule_look() {
    timer_.expires_after(look_interval);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        look();
        schedule_look();
    });
}

void Accelerator::look() {
    expire(Clock::now());
    if (++looks_ % looks_between_strays == 0) find_strays();
}

// The programs look at the time themselves; this is for those who ask, and for a tidy map.
void Accelerator::expire(Clock::time_point now) {
    const auto ended = std::erase_if(paused_services_, [&](const auto& entry) { return is_over(entry.second, now); });
    const bool node_ended = paused_ && is_over(paused_until_, now);
    if (node_ended) paused_ = false;
    learner_.expire(now);
    if (ended == 0 && !node_ended) return;
    spdlog::info("short way: a pause has ended");
    if (auto told = tell(); !told) spdlog::warn("{}", told.error().message());
}

// Pairs that leave without an event that was heard, and clients whose server never came.
void Accelerator::find_strays() {
    const auto pairs = short_way_.pairs();
    if (!pairs) {
        spdlog::warn("{}", pairs.error().message());
        return;
    }
    leaver_.forget_all_but(*pairs);
    judge_services(*pairs);
    const auto now = nanoseconds(Clock::now());
    const auto late = static_cast<std::uint64_t>(std::chrono::nanoseconds(unpaired_after).count());
    for (const auto& [id, pair] : *pairs) {
        const bool unpaired = pair.left == 0 && pair.ends[MD_SERVER].cookie == 0 && now > pair.opened_ns + late;
        if (unpaired)
            if (auto left = short_way_.leave(id); !left) spdlog::warn("{}", left.error().message());
        if (unpaired || pair.left != 0) leaver_.add(id);
    }
}

void Accelerator::judge_services(const std::vector<std::pair<std::uint64_t, md_pair>>& pairs) {
    const auto paths = short_way_.paths();
    if (!paths) return;
    std::map<std::uint32_t, std::uint64_t> by_short;  // of open pairs
    for (const auto& [id, pair] : pairs) by_short[pair.service_id] += pair.ways[0].messages + pair.ways[1].messages;
    std::map<std::string, Learner::Messages> sent;
    for (const auto& [id, counters] : *paths) {
        const auto* const service = id != 0 ? realized_().find(id) : nullptr;
        if (id != 0 && service == nullptr) {
            // Its id will be given to another service, which begins with counters of zero.
            if (auto forgotten = short_way_.forget_paths(id); !forgotten) spdlog::warn("{}", forgotten.error().message());
            continue;
        }
        if (service == nullptr || !service->name) continue;
        auto& messages = sent[service->name->service];
        messages.by_short += counters.messages_short + by_short[id];
        messages.by_tcp += counters.why[MD_WHY_TCP_ORDER] + counters.why[MD_WHY_TCP_BACKLOG];
    }
    const auto now = Clock::now();
    for (const auto& [name, total] : sent) {
        if (!sent_) break;  // how long that took is not known: another agent saw its beginning
        const auto found = sent_->find(name);
        const auto before = found != sent_->end() ? found->second : Learner::Messages{};
        // A port that went took its counters along.
        const auto since = [](std::uint64_t latest, std::uint64_t earlier) { return latest - std::min(latest, earlier); };
        const Learner::Messages messages{since(total.by_short, before.by_short), since(total.by_tcp, before.by_tcp)};
        if (const auto until = learner_.sent(name, messages, now)) turn_off(name, *until - now);
    }
    sent_ = std::move(sent);
}

base::Result<std::size_t> Accelerator::wind_down(const kernel::Datapath& datapath, std::chrono::seconds patience) {
    boost::asio::io_context io{1};
    kernel::ShortWay short_way(datapath);
    auto value = short_way.decided();
    if (!value) return tl::make_unexpected(value.error());
    value->mode = MD_MODE_OFF;
    if (auto told = short_way.decide(*value); !told) return tl::make_unexpected(told.error());
    Leaver leaver(io, short_way);
    const auto pairs = short_way.pairs();
    if (!pairs) return tl::make_unexpected(pairs.error());
    for (const auto& [id, pair] : *pairs) {
        if (auto left = short_way.leave(id); !left) return tl::make_unexpected(left.error());
        leaver.add(id);
    }
    io.run_for(patience);
    return leaver.leaving();
}

}  // namespace meshd::acceleration
