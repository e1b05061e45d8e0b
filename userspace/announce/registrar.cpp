// SPDX-License-Identifier: Apache-2.0
#include "announce/registrar.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace meshd::announce {

Registrar::Registrar(boost::asio::io_context& io, std::string name, std::unique_ptr<Protocol> protocol,
                     std::function<void()> changed)
    : name_(std::move(name)), changed_(std::move(changed)), timer_(io), protocol_(std::move(protocol)) {}

void Registrar::want(const std::string& id, Wanted wanted, bool may_be_known) {
    book_.want(id, std::move(wanted), may_be_known, Book::Clock::now());
    go_on_at(Book::Clock::now());
}

void Registrar::drop(const std::string& id) {
    book_.drop(id);
    go_on_at(Book::Clock::now());
}

// There is not much time: whether the registry answers now is tried at once.
void Registrar::leave(std::function<void()> gone) {
    gone_ = std::move(gone);
    book_.drop_all();
    retry_at_ = {};
    go_on_at(Book::Clock::now());
}

void Registrar::use(std::unique_ptr<Protocol> protocol) {
    protocol_ = std::move(protocol);
    if (step_) book_.unanswered(*step_);
    step_.reset();
    retry_at_ = {};
    backoff_.reset();
    go_on_at(Book::Clock::now());
}

void Registrar::go_on_at(Book::Clock::time_point when) {
    timer_.expires_at(std::max(when, retry_at_));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) go_on();
    });
}

void Registrar::go_on() {
    if (step_) return;
    step_ = book_.next(Book::Clock::now());
    if (step_) {
        protocol_->perform(*step_,
                           [this](const Protocol::Outcome& outcome) { take(*std::exchange(step_, std::nullopt), outcome); });
    } else if (book_.empty() && gone_) {
        std::exchange(gone_, nullptr)();
    } else if (const auto due = book_.due()) {
        go_on_at(*due);
    }
}

void Registrar::take(const Step& step, const Protocol::Outcome& outcome) {
    const auto now = Book::Clock::now();
    if (outcome) {
        if (!error_.empty()) spdlog::info("{} takes announcements again", name_);
        error_.clear();
        backoff_.reset();
        if (step.task != Task::renew)
            spdlog::debug("{}: {} {}", name_, step.id, step.task == Task::withdraw ? "is withdrawn" : "is announced");
        book_.done(step, now, chance());
    } else {
        fail(step, outcome.error(), now);
    }
    // Not from within the protocol's own call.
    go_on_at(now);
    changed_();
}

void Registrar::fail(const Step& step, const Problem& problem, Book::Clock::time_point now) {
    if (problem.kind == Problem::Kind::forgotten && step.task == Task::renew) {
        spdlog::info("{} knows nothing of {}", name_, step.id);
        book_.forgotten(step);
        return;
    }
    ++failures_;
    const auto why = problem.error.message();
    const bool is_of_this = problem.kind != Problem::Kind::server;
    const auto before = is_of_this ? book_.error(step.id) : error_;
    if (before != why) spdlog::warn("{}: {}", name_, why);
    if (is_of_this) {
        error_.clear();  // it answers
        book_.refused(step, why, now, chance());
        return;
    }
    error_ = why;
    book_.unanswered(step);
    retry_at_ = now + backoff_.next(chance());
}

}  // namespace meshd::announce
