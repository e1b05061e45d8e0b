// SPDX-License-Identifier: Apache-2.0
#include "acme/order.hpp"

#include <cerrno>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <boost/asio/post.hpp>

#include "acme/helpers.hpp"
#include "config/text_file.hpp"
#include "model/tls.hpp"
#include "tls/private_file.hpp"
#include "tls/server_order.hpp"

namespace meshd::acme {

namespace fs = std::filesystem;

namespace {

constexpr mode_t owner_only = 0700;
constexpr std::size_t most_lines = 200;

// uacme puts what it gets beside the request, under a name that it makes of its name.
constexpr const char* request_file = "/request.csr";
constexpr const char* certificate_file = "/request-cert.pem";

}  // namespace

Order::Order(boost::asio::io_context& io, Challenges& challenges, ClientOptions options, Plan plan, Done done)
    : io_(io),
      challenges_(challenges),
      options_(std::move(options)),
      plan_(std::move(plan)),
      done_(std::move(done)),
      patience_(io) {
    if (options_.self.empty()) options_.self = own_program();
}

std::string Order::account() const {
    return fmt::format("{}/account-{:08x}", plan_.settings.storage, model::identity_number(plan_.settings.directory));
}

std::string Order::directory() const { return plan_.settings.storage + "/order"; }

void Order::begin() {
    if (const auto prepared = prepare(); !prepared) return fail(prepared.error());
    std::error_code ignored;
    if (fs::exists(account() + "/private/key.pem", ignored))
        issue();
    else
        register_account();
}

// Nothing of an order before is of use: its key is gone.
base::Result<void> Order::prepare() {
    std::error_code error;
    fs::remove_all(directory(), error);
    if (error) return base::fail({"remove", directory(), error.value(), {}, {}});
    if (::mkdir(directory().c_str(), owner_only) != 0) return base::fail_errno("make", directory());
    auto made = tls::make_signing_request(plan_.names);
    if (!made) return tl::make_unexpected(made.error());
    key_ = std::move(made->key);
    return tls::replace_file(directory() + request_file, made->request, tls::for_owner);
}

void Order::register_account() {
    has_registered_ = true;
    std::vector<std::string> words{"-t", "EC", "-y", "new"};
    if (!plan_.settings.email.empty()) words.push_back(plan_.settings.email);
    run(std::move(words), &Order::registered);
}

void Order::registered(int status) {
    if (status != 0 && !has_account_already(lines_)) return fail(trouble(status));
    issue();
}

void Order::issue() {
    run({"-h", options_.self, "issue", directory() + request_file}, &Order::issued);
    if (child_) challenges_.begin({child_->group(), plan_.settings.challenge, plan_.names});
}

void Order::issued(int status) {
    challenges_.end();
    if (status == 0) {
        const auto taken = take();
        return taken ? end(*taken) : fail(taken.error());
    }
    auto why = trouble(status);
    // An authority may lose accounts, as one for tests does when it is started again.
    if (why.has_no_account && !has_registered_) return register_account();
    fail(std::move(why));
}

base::Result<tls::Validity> Order::take() {
    const auto issued = directory() + certificate_file;
    const auto certificate = config::read_text_file(issued);
    if (!certificate) return tl::make_unexpected(certificate.error());
    auto validity = tls::check_issued(certificate->text, key_, plan_.names, issued);
    if (!validity) return validity;
    if (auto written = tls::replace_file(plan_.path, certificate->text + key_, tls::for_owner); !written)
        return tl::make_unexpected(written.error());
    std::error_code ignored;
    fs::remove_all(directory(), ignored);
    return validity;
}

void Order::run(std::vector<std::string> words, void (Order::*then)(int status)) {
    lines_.clear();
    const auto& settings = plan_.settings;
    std::vector<std::string> all{options_.program, "-a", settings.directory, "-c", account()};
    all.insert(all.end(), words.begin(), words.end());
    process::Command command{as_helper(options_.self, socket_in(settings.storage), std::move(all)),
                             [this](std::string_view line) {
                                 spdlog::debug("edge: {}: {}", plan_.names.front(), line);
                                 if (lines_.size() < most_lines) lines_.emplace_back(line);
                             }};
    auto started = process::Child::start(io_, std::move(command), [this, then](int status) {
        patience_.cancel();
        child_.reset();
        (this->*then)(status);
    });
    if (!started) return fail(started.error());
    child_ = std::move(*started);
    patience_.expires_after(options_.patience);
    patience_.async_wait([this, still = std::weak_ptr<bool>(is_there_)](const boost::system::error_code& error) {
        if (error || still.expired() || !child_) return;
        is_too_slow_ = true;
        child_->kill();
    });
}

Trouble Order::trouble(int status) const {
    if (is_too_slow_) return {fmt::format("uacme was not ready within {} s, and was ended", options_.patience.count())};
    auto found = trouble_in(lines_);
    if (WIFEXITED(status) && WEXITSTATUS(status) == cannot_begin) found.text += "; install the package uacme";
    return found;
}

void Order::fail(const base::Error& error) { fail(Trouble{error.message()}); }

// Later, since begin() may be on the way here.
void Order::fail(Trouble trouble) {
    boost::asio::post(io_, [this, still = std::weak_ptr<bool>(is_there_), trouble = std::move(trouble)]() mutable {
        if (!still.expired()) end(tl::make_unexpected(std::move(trouble)));
    });
}

void Order::end(tl::expected<tls::Validity, Trouble> outcome) {
    if (auto done = std::exchange(done_, {})) done(std::move(outcome));
}

}  // namespace meshd::acme
