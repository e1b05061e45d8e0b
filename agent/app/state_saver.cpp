// SPDX-License-Identifier: Apache-2.0
#include "app/state_saver.hpp"

#include <boost/asio/post.hpp>

namespace meshd::app {

namespace {

// Long enough that a burst of changes is one write, short enough that a crash of the machine forgets little.
constexpr std::chrono::seconds delay{1};

}  // namespace

StateSaver::StateSaver(boost::asio::io_context& loop, const StateFile& file, std::function<model::DesiredState()> current,
                       Done done)
    : loop_(loop), file_(file), current_(std::move(current)), done_(std::move(done)), timer_(loop) {}

StateSaver::~StateSaver() {
    if (thread_.joinable()) thread_.join();
}

void StateSaver::changed() {
    if (waiting_) return;
    waiting_ = true;
    timer_.expires_after(delay);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) begin();
    });
}

void StateSaver::begin() {
    if (writing_ || !waiting_) return;  // the end of the write under way begins the next
    if (thread_.joinable()) thread_.join();
    waiting_ = false;
    writing_ = true;
    thread_ = std::thread([this, state = current_()] {
        auto outcome = file_.save(state);
        boost::asio::post(loop_, [this, outcome = std::move(outcome)] {
            writing_ = false;
            done_(outcome);
            begin();
        });
    });
}

void StateSaver::save_now() {
    timer_.cancel();
    if (thread_.joinable()) thread_.join();
    if (!waiting_) return;
    waiting_ = false;
    done_(file_.save(current_()));
}

}  // namespace meshd::app
