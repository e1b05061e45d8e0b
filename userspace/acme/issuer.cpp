// SPDX-License-Identifier: Apache-2.0
#include "acme/issuer.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>

#include "base/time_text.hpp"
#include "config/text_file.hpp"

namespace meshd::acme {

using std::chrono::system_clock;

namespace {

constexpr std::chrono::seconds longest_step{10};  // clocks jump
constexpr std::chrono::seconds retry_of_storage{1};

std::string file_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// What a failure has to do with; when the rest changes, it would fail again.
std::string settings_text(const model::AcmeSettings& settings) {
    return fmt::format("{} {} {} {}", settings.directory, settings.email, model::name(settings.challenge),
                       settings.http ? settings.http->text() : "");
}

}  // namespace

std::string called(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

Issuer::Issuer(boost::asio::io_context& io, Challenges::Show show, ClientOptions options)
    : io_(io), options_(std::move(options)), timer_(io), challenges_(io, std::move(show)) {}

void Issuer::follow(const std::optional<model::AcmeSettings>& settings, const model::EdgeListeners& listeners) {
    const bool is_same = settings_ == settings;
    if (!is_same) {
        drop_order();
        challenges_.close();
        memory_.reset();
        lock_.reset();
        storage_problem_.clear();
        settings_ = settings;
    }
    const auto before = std::exchange(items_, {});
    if (settings_)
        for (const auto& listener : listeners)
            for (const auto& one : listener.certificates)
                if (!one.acme.empty() && find(one.files.certificate) == nullptr) add(one);
    for (auto& item : items_)
        for (const auto& known : before)
            if (is_same && known.path == item.path) item = known;
    if (order_ && find(order_->plan().path) == nullptr) drop_order();
    timer_.cancel();
    if (!items_.empty()) step();
}

void Issuer::add(const model::EdgeCertificate& certificate) {
    auto& item = items_.emplace_back();
    item.path = certificate.files.certificate;
    item.names = certificate.acme;
    item.from = settings_->directory;
    if (memory_) load(item);
}

// What is on the disk is used on, and what failed waits on.
void Issuer::load(State& item) {
    if (const auto file = config::read_text_file(item.path))
        if (const auto validity = tls::validity_of(file->text, item.path)) {
            item.is_there = true;
            item.next = renewal_of(validity->begins, validity->ends, *settings_, chance());
        }
    const auto* const failures = memory_->find(file_of(item.path));
    if (failures == nullptr) return;
    item.problem = failures->problem;
    item.next = failures->next;
}

void Issuer::drop_order() {
    if (!order_) return;
    order_.reset();
    challenges_.end();
}

void Issuer::listen_http(std::vector<base::UniqueFd> sockets) {
    if (sockets.empty()) return challenges_.close_http();
    if (auto listens = challenges_.listen_http(std::move(sockets.front())); !listens)
        spdlog::error("edge: {}", listens.error().message());
}

std::vector<Issuer::State> Issuer::states() const {
    auto all = items_;
    if (!storage_problem_.empty())
        for (auto& item : all) item.problem = storage_problem_;
    return all;
}

const Issuer::State* Issuer::find(const std::string& path) const {
    const auto found = std::find_if(items_.begin(), items_.end(), [&](const State& one) { return one.path == path; });
    return found == items_.end() ? nullptr : &*found;
}

// False: another worker has not ended yet, and may be about to order the same.
base::Result<bool> Issuer::prepare() {
    if (lock_.valid()) return true;
    const auto path = settings_->storage + "/lock";
    base::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) return base::fail_errno("use the storage of certificates", path, "let the worker's user write there");
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return false;
        return base::fail_errno("lock", path);
    }
    if (auto listens = challenges_.listen(Order::socket_in(settings_->storage)); !listens)
        return tl::make_unexpected(listens.error());
    lock_ = std::move(file);
    memory_.emplace(settings_->storage + "/failures.json", settings_text(*settings_));
    if (auto loaded = memory_->load(system_clock::now()); !loaded) spdlog::warn("edge: {}", loaded.error().message());
    for (auto& item : items_) load(item);
    return true;
}

void Issuer::step_after(Time::duration time) {
    timer_.expires_after(time);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) step();
    });
}

void Issuer::step() {
    if (order_ || items_.empty()) return;
    const auto prepared = prepare();
    const auto problem = prepared ? std::string() : prepared.error().message();
    if (std::exchange(storage_problem_, problem) != problem && !problem.empty()) spdlog::error("edge: {}", problem);
    if (!prepared || !*prepared) return step_after(retry_of_storage);
    const auto now = system_clock::now();
    for (auto& item : items_)
        if (!item.problem.empty()) item.next = std::min(item.next, now + longest_wait);  // a clock that was wrong
    const auto next =
        std::min_element(items_.begin(), items_.end(), [](const State& a, const State& b) { return a.next < b.next; });
    if (next->next <= now) return begin(*next);
    step_after(std::min<Time::duration>(next->next - now, longest_step));
}

void Issuer::begin(State& item) {
    item.is_ordered = true;
    spdlog::info("edge: a certificate of {} is ordered at {}", called(item.names), item.from);
    order_ = std::make_unique<Order>(
        io_, challenges_, options_, Order::Plan{*settings_, item.names, item.path},
        [this, path = item.path](tl::expected<tls::Validity, Trouble> outcome) { finish(path, std::move(outcome)); });
    order_->begin();
}

void Issuer::finish(const std::string& path, tl::expected<tls::Validity, Trouble> outcome) {
    order_.reset();
    ++(outcome ? counts_.issued : counts_.failed);
    const auto item = std::find_if(items_.begin(), items_.end(), [&](const State& one) { return one.path == path; });
    if (item != items_.end()) {
        item->is_ordered = false;
        if (outcome)
            note_issued(*item, *outcome);
        else
            note_failed(*item, outcome.error());
        save();
    }
    if (!items_.empty()) step();
}

void Issuer::note_issued(State& item, const tls::Validity& validity) {
    item.is_there = true;
    item.problem.clear();
    item.next = renewal_of(validity.begins, validity.ends, *settings_, chance());
    memory_->forget(file_of(item.path));
    spdlog::info("edge: a certificate of {} is issued, valid until {}; it is renewed at {}", called(item.names),
                 base::time_text(validity.ends), base::time_text(item.next));
}

void Issuer::note_failed(State& item, const Trouble& trouble) {
    const auto* const known = memory_->find(file_of(item.path));
    Failures failures{known == nullptr ? 1 : known->count + 1, {}, trouble.text};
    failures.next = system_clock::now() + wait_after(failures.count, trouble.is_rate_limited, chance());
    item.problem = failures.problem;
    item.next = failures.next;
    spdlog::error("edge: no certificate of {} is issued: {}; it is tried again at {}", called(item.names), item.problem,
                  base::time_text(item.next));
    memory_->set(file_of(item.path), std::move(failures));
}

void Issuer::save() const {
    if (auto saved = memory_->save(); !saved) spdlog::warn("edge: {}", saved.error().message());
}

}  // namespace meshd::acme
