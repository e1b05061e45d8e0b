// SPDX-License-Identifier: Apache-2.0
#include "signing/issuer.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "config/text_file.hpp"
#include "tls/authority.hpp"

namespace meshd::signing {

using std::chrono::system_clock;

namespace {

constexpr std::chrono::milliseconds longest_wait{10'000};  // clocks jump, and the configuration's authorities change
constexpr std::size_t most_answer = std::size_t{16} << 20;
constexpr long ok = 200, not_modified = 304;

bool has_other_identities_alone(const model::NodeTls& before, const std::optional<model::NodeTls>& now) {
    if (!now) return false;
    auto same = before;
    same.identities = now->identities;
    return same == *now;
}

std::string called(const std::string& name) { return name.empty() ? "the node" : name; }

// What the signing agent said, or why it said nothing.
base::Error error_of(const std::string& address, const tl::expected<web::AsyncResponse, web::AsyncError>& answer) {
    if (!answer) return answer.error().error;
    const auto why = error_in(answer->body);
    return {"get a certificate of", address, 0, why.empty() ? fmt::format("it answers {}", answer->status) : why, {}};
}

}  // namespace

Issuer::Issuer(boost::asio::io_context& io, std::function<void()> on_files)
    : timer_(io), on_files_(std::move(on_files)), client_(io) {}

void Issuer::follow(const std::optional<model::NodeTls>& tls) {
    if (tls_ == tls) return;
    if (files_ && has_other_identities_alone(*tls_, tls)) return follow_identities(*tls);
    tls_ = tls;
    pending_.reset();
    timer_.cancel();
    items_.clear();
    files_.reset();
    trust_ = {};
    tag_.clear();
    if (!is_there()) return;
    files_.emplace(*tls_);
    add({}, {}, tls_->node);
    for (const auto& one : tls_->identities) add(one.name, model::issued_identity(*tls_, one), one.files);
    step();
}

// Pods come and go while others' certificates are on their way: what is under way goes on. The key of an identity that no pod has
// any more goes with it.
void Issuer::follow_identities(const model::NodeTls& tls) {
    const auto before = std::exchange(tls_->identities, tls.identities);
    std::erase_if(items_, [&](const Item& item) {
        const auto is_it = [&](const auto& one) { return one.name == item.name && one.files.certificate == item.path; };
        if (item.name.empty() || std::any_of(tls.identities.begin(), tls.identities.end(), is_it)) return false;
        const auto was = std::find_if(before.begin(), before.end(), is_it);
        std::error_code ignored;  // there may be none yet
        if (was != before.end() && was->pod) std::filesystem::remove(item.path, ignored);
        return true;
    });
    for (const auto& one : tls.identities)
        if (!is_issued(one.name)) add(one.name, model::issued_identity(*tls_, one), one.files);
    step();
}

// What is on the disk is used on, and renewed when it is time.
void Issuer::add(const std::string& name, const std::string& identity, const model::CertificateFiles& files) {
    if (!files.is_issued) return;
    auto& item = items_.emplace_back();
    item.name = name;
    item.identity = identity;
    item.path = files.certificate;
    const auto file = config::read_text_file(item.path);
    if (!file) return;
    if (const auto validity = tls::validity_of(file->text, item.path))
        item.renewal.has(validity->begins, validity->ends, chance());
}

std::optional<model::NodeTls> Issuer::effective() const {
    auto effective = tls_;
    if (!files_) return effective;
    effective->authorities = files_->authorities();
    effective->revoked = files_->revoked();
    return effective;
}

std::vector<Issuer::State> Issuer::states() const {
    std::vector<State> states;
    for (const auto& item : items_)
        states.push_back({item.name, tls_->issuer->address, pin_problem_.empty() ? item.renewal.problem() : pin_problem_,
                          item.renewal.next()});
    return states;
}

bool Issuer::is_issued(const std::string& name) const {
    return std::any_of(items_.begin(), items_.end(), [&](const Item& item) { return item.name == name; });
}

bool Issuer::has_issued(const std::string& name) const {
    return std::any_of(items_.begin(), items_.end(),
                       [&](const Item& item) { return item.name == name && item.renewal.has_one(); });
}

void Issuer::step_after(Renewal::Time::duration time) {
    timer_.expires_after(time);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) step();
    });
}

// The node's comes first: the others are asked for with it.
bool Issuer::is_askable(const Item& item) const { return item.name.empty() || has_certificate(); }

void Issuer::wait() {
    const auto now = system_clock::now();
    auto next = std::min(now + longest_wait, trust_.next());
    for (const auto& item : items_)
        if (is_askable(item)) next = std::min(next, item.renewal.next());
    next = std::max(next, now);
    step_after(next - now);
}

// One request at a time.
void Issuer::step() {
    if (pending_ || !files_) return;
    const auto pinned = files_->pin();
    const auto problem = pinned ? std::string() : pinned.error().message();
    if (std::exchange(pin_problem_, problem) != problem && !problem.empty()) spdlog::error("tls: {}", problem);
    if (pinned && *pinned) on_files_();
    if (!files_->has_authorities()) return step_after(longest_wait);
    if (auto* const item = due()) return ask(*item);
    if (trust_.is_due(system_clock::now())) return ask_for_trust();
    wait();
}

const Issuer::Item* Issuer::node() const { return items_.empty() || !items_.front().name.empty() ? nullptr : &items_.front(); }

bool Issuer::has_certificate() const {
    return node() == nullptr || node()->renewal.is_valid(system_clock::now());  // one from files is as good as it is
}

Issuer::Item* Issuer::due() {
    const auto now = system_clock::now();
    for (auto& item : items_)
        if (item.renewal.is_due(now) && is_askable(item)) return &item;
    return nullptr;
}

web::AsyncRequest Issuer::request_to(const char* path) const {
    web::AsyncRequest request;
    request.url = "https://" + tls_->issuer->address + path;
    request.max_body = most_answer;
    request.tls.ca = files_->authorities();
    request.tls.server_name = tls::signing_name;
    return request;
}

base::Result<std::string> Issuer::token() const {
    const auto& file = tls_->issuer->token_file;
    if (file.empty())
        return base::fail({"get the first certificate of", tls_->issuer->address, 0, "there is no token",
                           "`meshctl ca token` makes one; name its file in `tls.issuer.token_file`"});
    auto secret = config::read_secret_file(file);
    if (secret && secret->empty())
        return base::fail({"use the token in", file, 0, "it is empty", "`meshctl ca token` makes one"});
    return secret;
}

void Issuer::ask(Item& item) {
    if (!item.request) {
        auto made = tls::make_signing_request();
        if (!made) return fail(item, made.error());
        item.request = std::move(*made);
    }
    SignRequest asked{item.request->request, item.identity, {}};
    auto request = request_to(sign_path);
    request.method = "POST";
    request.headers["Content-Type"] = "application/json";
    if (has_certificate()) {
        request.tls.certificate = tls_->node.certificate;
        request.tls.key = tls_->node.key;
    } else {
        auto secret = token();
        if (!secret) return fail(item, secret.error());
        asked.token = std::move(*secret);
    }
    request.body = to_text(asked);
    pending_ = client_.start(std::move(request), [this, name = item.name](const Answer& answer) {
        pending_.reset();
        take(name, answer);
    });
}

void Issuer::take(const std::string& name, const Answer& answer) {
    const auto item = std::find_if(items_.begin(), items_.end(), [&](const Item& one) { return one.name == name; });
    if (item == items_.end()) return wait();
    const auto validity = use(*item, answer);
    if (!validity) return fail(*item, validity.error());
    ++counts_.issued;
    item->request.reset();
    item->renewal.has(validity->begins, validity->ends, chance());
    spdlog::info("tls: {} has a certificate of {} from {}", called(name), validity->identity, tls_->issuer->address);
    on_files_();
    step();
}

base::Result<tls::Validity> Issuer::use(Item& item, const Answer& answer) {
    if (!answer || answer->status != ok) return base::fail(error_of(tls_->issuer->address, answer));
    const auto given = sign_answer_in(answer->body);
    if (!given) return tl::make_unexpected(given.error());
    if (const auto taken = files_->take(given->trust); !taken) return tl::make_unexpected(taken.error());
    return files_->take(item.path, given->certificate, item.request->key, item.identity);
}

void Issuer::fail(Item& item, const base::Error& error) {
    ++counts_.failed;
    auto message = error.message();
    if (item.renewal.problem() != message) spdlog::warn("tls: certificate of {}: {}", called(item.name), message);
    item.renewal.failed(system_clock::now(), std::move(message), chance());
    wait();
}

void Issuer::ask_for_trust() {
    auto request = request_to(trust_path);
    if (!tag_.empty()) request.headers["If-None-Match"] = tag_;
    pending_ = client_.start(std::move(request), [this](const Answer& answer) {
        pending_.reset();
        take_trust(answer);
        step();
    });
}

void Issuer::take_trust(const Answer& answer) {
    const auto now = system_clock::now();
    const auto failed = [&](const base::Error& error) {
        auto message = error.message();
        if (trust_.problem() != message) spdlog::warn("tls: authorities and revocation lists: {}", message);
        trust_.failed(now, std::move(message), chance());
    };
    if (!answer || (answer->status != ok && answer->status != not_modified))
        return failed(error_of(tls_->issuer->address, answer));
    if (answer->status == ok) {
        const auto given = trust_in(answer->body);
        if (!given) return failed(given.error());
        const auto taken = files_->take(*given);
        if (!taken) return failed(taken.error());
        const auto tag = answer->headers.find("etag");
        tag_ = tag != answer->headers.end() ? tag->second : std::string();
        if (*taken) {
            spdlog::info("tls: took new authorities and revocation lists of {}", tls_->issuer->address);
            on_files_();
        }
    }
    trust_ = {};
    trust_.ask_at(now + tls_->issuer->refresh);
}

}  // namespace meshd::signing
