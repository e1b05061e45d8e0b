// SPDX-License-Identifier: Apache-2.0
#include "app/worker_process.hpp"

#include <algorithm>
#include <csignal>
#include <optional>
#include <utility>
#include <variant>

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "channel/assembler.hpp"

namespace meshd::app {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;
using std::chrono::system_clock;

std::string_view name(WorkerState state) {
    switch (state) {
        case WorkerState::down:
            return "down";
        case WorkerState::starting:
            return "starting";
        case WorkerState::running:
            return "running";
    }
    return "down";
}

// Kept alive by the operations under way. Each belongs to one life, the time between the start of a process and its end: what
// comes in for a life that is over is dropped.
class WorkerProcess::Supervisor : public std::enable_shared_from_this<Supervisor> {
public:
    Supervisor(asio::io_context& context, WorkerOptions options, WorkerHandlers handlers)
        : context_(context), options_(std::move(options)), handlers_(std::move(handlers)), exit_(context), timer_(context) {
        status_.since = system_clock::now();
    }

    base::Result<void> start() {
        if (wanted_) return {};
        auto identity = resolve_user(options_.user);
        if (!identity) return tl::make_unexpected(identity.error());
        identity_ = std::move(*identity);
        backoff_ = options_.first_backoff;
        if (auto launched = launch(); !launched) return launched;
        wanted_ = true;
        return {};
    }

    void stop(std::chrono::seconds longest) {
        wanted_ = false;
        retired_ = nullptr;
        if (child_ && channel_) {
            (void)channel_->send(
                channel::encode(channel::Shutdown{longest}));  // without it the end of the channel tells the same
            if (longest.count() > 0 && channel_->wait_closed(options_.stop_timeout) &&
                !child_->wait_ended(std::chrono::milliseconds(0)))
                child_->leave();
        }
        end_life();
        if (child_ && child_->pid() != 0) end_child();
        child_.reset();
        status_.pid = 0;
        set_state(WorkerState::down);
    }

    void retire(std::chrono::seconds longest, Retired done) {
        wanted_ = false;
        if (status_.state != WorkerState::running) {
            kill();
            asio::post(context_, [done = std::move(done)] { done(std::nullopt); });
            return;
        }
        retired_ = std::move(done);
        (void)channel_->send(channel::encode(channel::Retire{longest}));
        arm(options_.stop_timeout, [this] { break_off("it did not let go in time"); });
    }

    void kill() {
        wanted_ = false;
        end_life();
        child_.reset();
    }

    [[nodiscard]] const WorkerStatus& status() const { return status_; }
    [[nodiscard]] channel::Channel* channel() { return channel_ && channel_->is_open() ? &*channel_ : nullptr; }

private:
    void end_child() {
        if (!child_->wait_ended(options_.stop_timeout)) {
            child_->send_signal(SIGTERM);
            if (!child_->wait_ended(options_.stop_timeout)) child_->send_signal(SIGKILL);
        }
        status_.last_exit = child_->reap();
    }

    base::Result<void> launch() {
        auto child = WorkerChild::start(options_.binary, identity_);
        if (!child) return tl::make_unexpected(child.error());
        if (auto watched = watch_exit(*child); !watched) return watched;
        child_.emplace(std::move(*child));
        if (starts_++ > 0) status_.restarts = starts_ - 1;
        status_.pid = child_->pid();
        set_state(WorkerState::starting);
        started_at_ = steady_clock::now();
        broken_.clear();
        assembler_ = channel::Assembler();
        channel_.emplace(context_, child_->take_socket());
        arm(options_.hello_timeout, [this] { break_off("it did not say hello in time"); });
        asio::post(context_, [self = shared_from_this(), life = life_] {
            if (self->life_ == life) self->open_channel();
        });
        return {};
    }

    void open_channel() {
        const auto life = life_;
        auto handover = child_->take_handover();
        if (handlers_.on_handover) handlers_.on_handover(std::move(handover));
        if (handlers_.on_channel_open) handlers_.on_channel_open(*channel_);
        if (life_ != life) return;
        channel_->start(
            [self = shared_from_this(), life](boost::json::object message) {
                if (self->life_ == life) self->take(std::move(message));
            },
            [self = shared_from_this(), life](const base::Error& error) {
                if (self->life_ != life) return;
                if (self->retired_)
                    self->hand_over();  // it may not have read all that was sent, which is an error here
                else if (error.detail != channel::peer_closed)
                    self->break_off(error.message());
                else
                    self->expect_end();
            });
    }

    void take(boost::json::object json) {
        auto message = channel::decode(std::move(json));
        if (!message) {
            break_off(message.error().message());
            return;
        }
        if (std::holds_alternative<channel::Hello>(*message)) {
            disarm();
            set_state(WorkerState::running);
        } else if (status_.state != WorkerState::running) {
            break_off("it did not say hello first");
            return;
        }
        auto whole = assembler_.add(std::move(*message));
        if (!whole) {
            break_off(whole.error().message());
        } else if (*whole && handlers_.on_message) {
            handlers_.on_message(std::move(**whole));
        }
    }

    // The worker has let go of all that the next one needs.
    void hand_over() {
        auto child = std::move(child_);
        child_.reset();
        status_.pid = 0;
        set_state(WorkerState::down);
        end_life();
        std::exchange(retired_, nullptr)(std::move(child));
    }

    // The worker has closed its end, so it is about to exit.
    void expect_end() {
        set_state(WorkerState::down);
        arm(options_.stop_timeout, [this] { child_->send_signal(SIGKILL); });
    }

    void break_off(std::string why) {
        broken_ = std::move(why);
        channel_->close();
        set_state(WorkerState::down);
        disarm();
        child_->send_signal(SIGKILL);
    }

    template <typename Function>
    void arm(std::chrono::milliseconds timeout, Function function) {
        timer_.expires_after(timeout);
        timer_.async_wait([self = shared_from_this(), armed = ++armed_, function](error_code ec) {
            if (!ec && self->armed_ == armed) function();
        });
    }

    // Also for a timer that has run out but whose function has not been called yet.
    void disarm() {
        ++armed_;
        timer_.cancel();
    }

    base::Result<void> watch_exit(const WorkerChild& child) {
        // The child owns its pidfd and Asio owns what it waits on: two descriptors.
        error_code ec;
        exit_.assign(::fcntl(child.pidfd(), F_DUPFD_CLOEXEC, 0), ec);
        if (ec) return base::fail({"watch", "worker", ec.value(), {}, {}});
        wait_for_exit();
        return {};
    }

    void wait_for_exit() {
        exit_.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this(), life = life_](error_code failed) {
            if (self->life_ != life || failed) return;
            // Asio may tell a new descriptor of an event of the one before it. Reaping would block then, so ask again.
            if (self->child_->wait_ended(std::chrono::milliseconds(0)))
                self->ended();
            else
                self->wait_for_exit();
        });
    }

    void ended() {
        status_.last_exit = child_->reap();
        child_.reset();
        status_.pid = 0;
        set_state(WorkerState::down);
        end_life();
        if (retired_) return std::exchange(retired_, nullptr)(std::nullopt);
        if (steady_clock::now() - started_at_ >= options_.long_life) backoff_ = options_.first_backoff;
        restart_later();
        tell_down(broken_.empty() ? status_.last_exit : broken_ + "; " + status_.last_exit);
    }

    void restart_later() {
        const auto wait = std::exchange(backoff_, std::min(2 * backoff_, options_.longest_backoff));
        arm(wait, [this] {
            auto launched = launch();
            if (launched) return;
            status_.last_exit = launched.error().message();
            restart_later();
            tell_down(status_.last_exit);
        });
    }

    void tell_down(const std::string& why) {
        if (handlers_.on_down) handlers_.on_down(why);
    }

    void end_life() {
        ++life_;
        disarm();
        error_code ignored;
        exit_.close(ignored);
        channel_.reset();
    }

    void set_state(WorkerState state) {
        if (status_.state == state) return;
        status_.state = state;
        status_.since = system_clock::now();
    }

    asio::io_context& context_;
    WorkerOptions options_;
    WorkerHandlers handlers_;
    WorkerStatus status_;
    std::optional<Identity> identity_;
    std::optional<WorkerChild> child_;
    std::optional<channel::Channel> channel_;
    channel::Assembler assembler_;
    asio::posix::stream_descriptor exit_;
    asio::steady_timer timer_;  // for the one thing that is waited for: hello, the end of a lost worker, or the next start
    std::chrono::milliseconds backoff_{0};
    steady_clock::time_point started_at_;
    std::uint64_t starts_ = 0;
    std::uint64_t life_ = 0;
    std::uint64_t armed_ = 0;
    Retired retired_;     // null: it is not to retire
    std::string broken_;  // what it did against the protocol in this life
    bool wanted_ = false;
};

WorkerProcess::WorkerProcess(asio::io_context& context, WorkerOptions options, WorkerHandlers handlers)
    : supervisor_(std::make_shared<Supervisor>(context, std::move(options), std::move(handlers))) {}

WorkerProcess::~WorkerProcess() { supervisor_->kill(); }

base::Result<void> WorkerProcess::start() { return supervisor_->start(); }

void WorkerProcess::stop(std::chrono::seconds longest) { supervisor_->stop(longest); }

void WorkerProcess::retire(std::chrono::seconds longest, Retired done) { supervisor_->retire(longest, std::move(done)); }

WorkerStatus WorkerProcess::status() const { return supervisor_->status(); }

channel::Channel* WorkerProcess::channel() { return supervisor_->channel(); }

}  // namespace meshd::app
